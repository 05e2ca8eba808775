// SPDX-License-Identifier: Apache-2.0
// The Python module: checks and converts arguments, holds buffers, releases the GIL. No arithmetic.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tritforge/checked_fields.hpp"
#include "tritforge/context.hpp"
#include "tritforge/engine.hpp"
#include "tritforge/signals.hpp"

namespace py = pybind11;

namespace tritforge {
namespace {

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// A Python integer as it is; anything else is a ValueError that names it.
long long to_integer(const std::string& what, const py::handle& value) {
    // bool is an int in Python, but never meant as a size.
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) {
        throw py::value_error(what + " must be an integer, not " + std::string(py::repr(value)));
    }
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!index) throw py::error_already_set();
    int overflow = 0;
    const long long result = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    if (overflow != 0) {
        throw py::value_error(what + " is " + std::string(py::str(index)) + ", out of range");
    }
    return result;
}

std::map<std::string, long long> to_mapping(const std::string& what, const py::dict& values) {
    std::map<std::string, long long> result;
    for (const auto& [key, value] : values) {
        const std::string name = py::str(key);
        result[name] = to_integer(what + ": " + name, value);
    }
    return result;
}

/// Shape from a dict, or from (dim, layers, glu_width, vocabulary).
std::map<std::string, long long> to_shape(const py::object& shape) {
    if (py::isinstance<py::dict>(shape)) return to_mapping("shape", shape.cast<py::dict>());
    std::map<std::string, long long> result;
    if (!py::isinstance<py::sequence>(shape) || py::len(shape) != std::size(kShapeFields)) {
        throw py::value_error("shape must be a dict or (dim, layers, glu_width, vocabulary)");
    }
    std::size_t position = 0;
    for (const ShapeField& field : kShapeFields) {
        result[field.name] =
            to_integer(field.name, shape.attr("__getitem__")(py::int_(position++)));
    }
    return result;
}

/// Contiguous items of the given format letters; the Py_buffer stays exported while `info` lives.
ByteView checked_view(const char* what, const py::buffer_info& info, py::ssize_t dimensions,
                      const std::string& formats) {
    py::ssize_t stride = info.itemsize;
    bool contiguous = info.ndim == dimensions;
    for (py::ssize_t axis = info.ndim; contiguous && axis-- > 0;) {
        const auto index = static_cast<std::size_t>(axis);
        contiguous = info.strides[index] == stride || info.shape[index] <= 1;
        stride *= info.shape[index];
    }
    const char last = info.format.empty() ? ' ' : info.format.back();
    const char first = info.format.empty() ? ' ' : info.format.front();
    const bool known = formats.find(last) != std::string::npos && first != '>' && first != '!' &&
                       info.format.size() <= 2;
    if (!contiguous || !known) {
        throw py::value_error(std::string(what) + " must be a C-contiguous " +
                              std::to_string(dimensions) + "-D buffer with items of type '" +
                              formats + "', not " + std::to_string(info.ndim) + "-D '" +
                              info.format + "'");
    }
    return {static_cast<const std::uint8_t*>(info.ptr),
            static_cast<std::size_t>(info.size * info.itemsize)};
}

std::vector<std::int64_t> to_vector(const char* what, const py::object& values) {
    const py::array array = py::array::ensure(values);
    const char kind = array ? array.dtype().kind() : '?';
    if (!array || array.ndim() != 1 || (kind != 'i' && kind != 'u' && array.size() > 0)) {
        PyErr_Clear();
        throw py::value_error(std::string(what) + " must be a 1-D sequence of integers");
    }
    const Integers integers(array);
    return {integers.data(), integers.data() + integers.size()};
}

/// The engine and the buffers it reads.
class PyEngine {
  public:
    PyEngine(const py::buffer& weights, const py::buffer& parameters, const py::buffer& embedding,
             const py::object& shape, const py::object& rows_per_beat, const py::dict& widths,
             const py::object& sigmoid_table, const std::string& kernel)
        : weights_(weights.request()),
          parameters_(parameters.request()),
          embedding_(embedding.request()) {
        const ByteView weight_view = checked_view("weights", weights_, 1, "B");
        const ByteView parameter_view = checked_view("parameters", parameters_, 1, "B");
        const ByteView embedding_view = checked_view("embedding", embedding_, 2, "bh");
        const ModelShape model = checked_shape(to_shape(shape));
        if (embedding_.shape[0] != model.vocabulary || embedding_.shape[1] != model.dim) {
            throw py::value_error("embedding has shape (" + std::to_string(embedding_.shape[0]) +
                                  ", " + std::to_string(embedding_.shape[1]) +
                                  "), the model needs (" + std::to_string(model.vocabulary) + ", " +
                                  std::to_string(model.dim) + ")");
        }
        const long long rows = to_integer("rows_per_beat", rows_per_beat);
        check_range("rows_per_beat", rows, 0, kRowBlock);
        const Widths checked = checked_widths(to_mapping("widths", widths));
        const std::vector<std::int64_t> table = to_vector("sigmoid_table", sigmoid_table);
        const Backend& backend = find_backend(kernel.c_str());
        const int embedding_bytes = static_cast<int>(embedding_.itemsize);
        const py::gil_scoped_release release;
        engine_ = std::make_shared<const Engine>(weight_view, parameter_view, embedding_view,
                                                 embedding_bytes, model, static_cast<int>(rows),
                                                 checked, table, backend);
    }

    const std::shared_ptr<const Engine>& engine() const { return engine_; }

  private:
    py::buffer_info weights_, parameters_, embedding_;
    std::shared_ptr<const Engine> engine_;
};

/// A context that refuses a second thread instead of racing with it.
class PyContext {
  public:
    PyContext(const PyEngine& engine, const py::object& threads)
        : context_(engine.engine(), checked_threads(threads)) {}

    void step(const py::object& token) {
        const Guard guard(busy_);
        const long long id = to_integer("token", token);
        const py::gil_scoped_release release;
        context_.advance(id, true);
    }

    void prefill(const py::object& tokens) {
        const Guard guard(busy_);
        const std::vector<std::int64_t> ids = to_vector("tokens", tokens);
        if (ids.empty()) throw py::value_error("tokens is empty: give at least one token");
        for (const std::int64_t id : ids) context_.check_token(id);
        for (std::size_t i = 0; i < ids.size(); ++i) {
            {
                const py::gil_scoped_release release;
                context_.advance(ids[i], i + 1 == ids.size());
            }
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        }
    }

    py::array_t<std::int32_t> logits() {
        const Guard guard(busy_);
        return head_values(context_.logits());
    }

    py::array_t<std::int32_t> accumulators() {
        const Guard guard(busy_);
        return head_values(context_.accumulators());
    }

    py::array_t<std::int32_t> state() {
        const Guard guard(busy_);
        const ModelShape& shape = context_.engine().shape();
        py::array_t<std::int32_t> result({shape.layers, shape.dim});
        for (int layer = 0; layer < shape.layers; ++layer) {
            std::copy_n(context_.state(layer), shape.dim, result.mutable_data(layer, 0));
        }
        return result;
    }

    void restore(const py::object& values) {
        const Guard guard(busy_);
        const ModelShape& shape = context_.engine().shape();
        const py::array array = py::array::ensure(values);
        const char kind = array ? array.dtype().kind() : '?';
        if (!array || (kind != 'i' && kind != 'u') || array.ndim() != 2 ||
            array.shape(0) != shape.layers || array.shape(1) != shape.dim) {
            PyErr_Clear();
            throw py::value_error("state must be an integer array of shape (" +
                                  std::to_string(shape.layers) + ", " + std::to_string(shape.dim) +
                                  ")");
        }
        const Integers integers(array);
        context_.restore(integers.data());
    }

    void reset() {
        const Guard guard(busy_);
        context_.reset();
    }

    py::dict saturations() {
        const Guard guard(busy_);
        const SaturationCounts total = context_.saturations();
        py::dict result;
        for (std::size_t i = 0; i < kSignals; ++i) {
            if (total.counts[i] > 0) result[kSignalNames[i]] = total.counts[i];
        }
        return result;
    }

  private:
    class Guard {
      public:
        explicit Guard(std::atomic<bool>& busy) : busy_(busy) {
            if (busy_.exchange(true, std::memory_order_acquire)) {
                throw std::runtime_error(
                    "this context is in use by another thread: give each thread its own context");
            }
        }
        ~Guard() { busy_.store(false, std::memory_order_release); }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

      private:
        std::atomic<bool>& busy_;
    };

    static int checked_threads(const py::object& threads) {
        const long long count = to_integer("threads", threads);
        check_range("threads", count, 1, kMaximumThreads);
        return static_cast<int>(count);
    }

    py::array_t<std::int32_t> head_values(const std::int32_t* values) const {
        if (!context_.has_logits()) {
            throw std::runtime_error("no logits yet: run step or prefill first");
        }
        return py::array_t<std::int32_t>(context_.engine().shape().vocabulary, values);
    }

    Context context_;
    std::atomic<bool> busy_{false};
};

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (const Backend* backend : available_backends()) names.emplace_back(backend->name);
    return names;
}

/// Test hook: dot products of one matrix of an operation.
py::array_t<std::int32_t> ternary_dot(const std::string& kernel, const py::buffer& packed, int rows,
                                      int matrix, const py::object& codes) {
    const py::buffer_info info = packed.request();
    const ByteView view = checked_view("packed", info, 4, "B");
    const std::vector<std::int64_t> values = to_vector("codes", codes);
    const Backend& backend = find_backend(kernel.c_str());
    check_range("codes", static_cast<long long>(values.size()), 1, 1 << 16);
    check_range("rows", rows, 1, 1 << 18);
    check_range("matrix", matrix, 0, info.shape[1] - 1);
    const MatrixLayout layout = {rows, static_cast<int>(values.size()),
                                 static_cast<int>(info.shape[1]), static_cast<int>(info.shape[3])};
    check_range("packed rows a beat", layout.rows_per_beat, 8, kRowBlock);
    check_range("packed bytes", static_cast<long long>(view.bytes),
                static_cast<long long>(stream_bytes(layout)),
                static_cast<long long>(stream_bytes(layout)));
    std::vector<std::int8_t> bytes;
    for (const std::int64_t value : values) {
        check_range("code", value, -kCodeLimit, kCodeLimit);
        bytes.push_back(static_cast<std::int8_t>(value));
    }
    const TernaryKernel& ternary = backend.kernel;
    AlignedBuffer<std::uint8_t> repacked(ternary.repacked_bytes(layout));
    AlignedBuffer<std::uint8_t> scratch(ternary.scratch_bytes(layout.inputs));
    const auto padded = static_cast<std::size_t>(row_blocks(layout)) * kRowBlock;
    AlignedBuffer<std::int32_t> sums(padded);
    ternary.repack(layout, view.data, repacked.get());
    ternary.load_codes(bytes.data(), layout.inputs, scratch.get());
    ternary.dot(layout, ternary.repacked_bytes(layout) > 0 ? repacked.get() : view.data, matrix, 0,
                row_blocks(layout), scratch.get(), sums.get());
    return py::array_t<std::int32_t>(rows, sums.get());
}

/// Test hook: the tables and ranges this side repeats, to be compared with the Python ones.
py::dict constants() {
    py::dict result, shape, widths, ranges;
    for (const ShapeField& field : kShapeFields) {
        shape[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const WidthField& field : kWidthFields) {
        widths[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const FieldRange& field : {kShiftRange, kEmbeddingShiftRange, kScaleExponentRange}) {
        ranges[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    py::list words;
    for (const DecodedByte& byte : kDecodeTable) {
        py::list weights;
        for (const std::int8_t weight : byte.weights) weights.append(int{weight});
        words.append(byte.valid ? py::object(weights) : py::object(py::none()));
    }
    result["shape"] = shape;
    result["widths"] = widths;
    result["ranges"] = ranges;
    result["words"] = words;
    result["signals"] =
        py::cast(std::vector<std::string>(kSignalNames.begin(), kSignalNames.end()));
    return result;
}

py::dict build_info() {
    py::dict result;
    result["compiler"] = TRITFORGE_COMPILER;
    result["sanitized"] = TRITFORGE_SANITIZED != 0;
    return result;
}

}  // namespace

PYBIND11_MODULE(_engine, module) {
    module.doc() =
        "Integer engine: runs a model image on the CPU, bit for bit like the golden model.";
    module.attr("build_info") = build_info();
    module.def("kernels", &kernel_names, "Kernels this CPU runs, slowest first.");
    module.def("_ternary_dot", &ternary_dot, py::arg("kernel"), py::arg("packed"), py::arg("rows"),
               py::arg("matrix"), py::arg("codes"));
    module.def("_constants", &constants);

    py::class_<PyContext>(module, "Context", "One stream: state, scratch memory and threads.")
        .def("step", &PyContext::step, py::arg("token"), "Run one token and its logits.")
        .def("prefill", &PyContext::prefill, py::arg("tokens"),
             "Run tokens in order; the head runs for the last one only.")
        .def("logits", &PyContext::logits, "Logits (vocabulary,) int32, a copy.")
        .def("accumulators", &PyContext::accumulators,
             "Head accumulators (vocabulary,) int32, a copy.")
        .def("state", &PyContext::state, "Recurrent state (layers, dim) int32, a copy.")
        .def("restore", &PyContext::restore, py::arg("state"), "Replace the recurrent state.")
        .def("reset", &PyContext::reset, "Zero state and saturation counts.")
        .def("saturations", &PyContext::saturations, "Saturated elements by signal, if any.");

    py::class_<PyEngine>(module, "Engine", "A checked model image, ready to run.")
        .def(py::init<const py::buffer&, const py::buffer&, const py::buffer&, const py::object&,
                      const py::object&, const py::dict&, const py::object&, const std::string&>(),
             py::arg("weights"), py::arg("parameters"), py::arg("embedding"), py::arg("shape"),
             py::arg("rows_per_beat"), py::arg("widths"), py::arg("sigmoid_table"),
             py::arg("kernel") = "auto")
        .def(
            "context",
            [](const PyEngine& self, const py::object& threads) {
                return std::make_unique<PyContext>(self, threads);
            },
            py::arg("threads") = 1, py::keep_alive<0, 1>(), "A new stream with zero state.")
        .def_property_readonly("kernel", [](const PyEngine& self) {
            return std::string(self.engine()->backend().name);
        });
}

}  // namespace tritforge
