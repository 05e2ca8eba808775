// SPDX-License-Identifier: Apache-2.0
#include "bindings/sampler.hpp"

#include <climits>
#include <string>

#include "bindings/arguments.hpp"
#include "bindings/context.hpp"
#include "common/checked_fields.hpp"

namespace tritforge::engine::language_model {
namespace {

int checked_top_k(const py::object& top_k) {
    const long long value = to_integer("top_k", top_k);
    check_range("top_k", value, 0, INT_MAX);
    return static_cast<int>(value);
}

std::uint64_t checked_seed(const py::object& seed) {
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(seed.ptr()));
    if (!index) throw py::error_already_set();
    const std::uint64_t value = PyLong_AsUnsignedLongLong(index.ptr());
    if (PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        throw py::value_error("seed is " + std::string(py::str(index)) +
                              ", allowed are 0 to 2**64 - 1");
    }
    return value;
}

}  // namespace

PySampler::PySampler(double temperature, const py::object& top_k, double top_p,
                     const py::object& seed, const py::object& banned_token)
    : sampler_({temperature, checked_top_k(top_k), top_p}, checked_seed(seed),
               banned_token.is_none() ? -1 : to_integer("banned_token", banned_token)) {}

std::int64_t PySampler::choose(PyContext& context) {
    ContextGuard guard;
    guard.hold(context.busy());
    const py::gil_scoped_release release;
    return sampler_.choose(context.context());
}

void bind_sampler(py::module_& module) {
    py::class_<PySampler>(module, "Sampler", "Seeded choice of the next token.")
        .def(py::init<double, const py::object&, double, const py::object&, const py::object&>(),
             py::arg("temperature"), py::arg("top_k"), py::arg("top_p"), py::arg("seed"),
             py::arg("banned_token") = py::none())
        .def("choose", &PySampler::choose, py::arg("context"), "Token for a context's scores.");
}

}  // namespace tritforge::engine::language_model
