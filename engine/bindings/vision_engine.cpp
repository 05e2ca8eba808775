// SPDX-License-Identifier: Apache-2.0
#include "bindings/vision_engine.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "bindings/arguments.hpp"
#include "common/checked_fields.hpp"
#include "common/kernel_choice.hpp"
#include "common/thread_pool.hpp"

namespace tritforge::engine::ivit {
namespace {

/// Images of one thread between two looks for Ctrl-C.
constexpr int kImagesPerLook = 8;

/// The buffers stay exported while `infos` lives.
ParameterArrays to_arrays(const py::dict& arrays, std::vector<py::buffer_info>& infos) {
    std::map<std::string, ArrayView> views;
    for (const auto& [key, value] : arrays) {
        const std::string name = py::str(key);
        if (!py::isinstance<py::buffer>(value)) {
            throw py::value_error("arrays: " + name + " is no array of integers");
        }
        infos.push_back(py::reinterpret_borrow<py::buffer>(value).request());
        const py::buffer_info& info = infos.back();
        const ByteView view = checked_view(name.c_str(), info, info.ndim, "bBhHiIlLqQ");
        const char format = info.format.back();
        views[name] = {view.data,
                       {info.shape.begin(), info.shape.end()},
                       format >= 'a',
                       static_cast<std::size_t>(info.itemsize)};
    }
    return ParameterArrays(std::move(views));
}

template <class Struct, std::size_t kCount>
py::dict ranges_of(const RangedField<Struct> (&fields)[kCount]) {
    py::dict result;
    for (const RangedField<Struct>& field : fields) {
        result[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    return result;
}

/// Additions that wait for one another: one per cycle on any processor of today.
void add_dependently(std::int64_t count) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        // The compiler must not know that the number is 0.
        sum += i;
        asm volatile("" : "+r"(sum));
    }
}

/// The ranges this side repeats, to be compared with the Python ones.
py::dict constants() {
    py::dict result;
    result["shape"] = ranges_of(kShapeFields);
    result["widths"] = ranges_of(kWidthFields);
    return result;
}

}  // namespace

PyVisionEngine::PyVisionEngine(const py::dict& shape, const py::dict& widths,
                               const py::dict& arrays, const std::string& kernel,
                               const py::object& threads) {
    const VisionShape checked = checked_shape(to_mapping("shape", shape));
    const VisionWidths checked_bits = checked_widths(to_mapping("widths", widths), checked);
    std::vector<py::buffer_info> infos;
    ParameterArrays parameters = to_arrays(arrays, infos);
    const KernelSet& kernel_set = find_kernel_set(kernel.c_str());
    const long long count = to_integer("threads", threads);
    check_range("threads", count, 1, kMaximumThreads);
    threads_ = static_cast<int>(count);
    const py::gil_scoped_release release;
    model_ = std::make_shared<const VisionModel>(checked, checked_bits, parameters, kernel_set);
    runner_ = std::make_unique<Runner<Executor, VisionModel>>(model_, threads_);
}

py::array_t<std::int64_t> PyVisionEngine::logits(const py::buffer& pixels) {
    const py::buffer_info info = pixels.request();
    const ByteView view = checked_view("pixels", info, 4, "B");
    const VisionShape& shape = model_->shape;
    const py::ssize_t expected[] = {shape.image_size, shape.image_size, shape.channels};
    for (std::size_t axis = 1; axis < 4; ++axis) {
        check_range("pixels: size of axis " + std::to_string(axis), info.shape[axis],
                    expected[axis - 1], expected[axis - 1]);
    }
    const py::ssize_t images = info.shape[0];
    py::array_t<std::int64_t> result({images, py::ssize_t{shape.classes}});
    std::int64_t* logits = result.mutable_data();
    auto& own = runner_->own();
    const py::ssize_t step = py::ssize_t{threads_} * kImagesPerLook;
    for (py::ssize_t first = 0; first < images; first += step) {
        {
            const py::gil_scoped_release release;
            const std::lock_guard<std::mutex> lock(own.mutex);
            own.executor.run(view.data + static_cast<std::size_t>(first) * shape.pixels(),
                             static_cast<int>(std::min(step, images - first)),
                             logits + first * shape.classes);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return result;
}

std::int64_t PyVisionEngine::multiply_only() {
    auto& own = runner_->own();
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> lock(own.mutex);
    return own.executor.multiply_only();
}

void bind_vision_engine(py::module_& module) {
    py::class_<PyVisionEngine>(module, "VisionEngine",
                               "A checked integer vision transformer, ready to run.")
        .def(py::init<const py::dict&, const py::dict&, const py::dict&, const std::string&,
                      const py::object&>(),
             py::arg("shape"), py::arg("widths"), py::arg("arrays"), py::arg("kernel") = "auto",
             py::arg("threads") = 1)
        .def("logits", &PyVisionEngine::logits, py::arg("pixels"), "Logits of images.")
        .def_property_readonly("threads", &PyVisionEngine::threads)
        .def_property_readonly(
            "kernel",
            [](const PyVisionEngine& self) { return std::string(self.model().kernels.name); })
        .def("_multiply_only", &PyVisionEngine::multiply_only)
        .def_static(
            "kernels", [] { return set_names(available_kernel_sets()); },
            "Kernels this CPU runs, slowest first.");
    module.def("_vision_constants", &constants);
    module.def("_add_dependently", &add_dependently, py::arg("count"));
}

}  // namespace tritforge::engine::ivit
