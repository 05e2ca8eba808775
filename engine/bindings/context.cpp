// SPDX-License-Identifier: Apache-2.0
#include "bindings/context.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "bindings/arguments.hpp"
#include "language_model/signals.hpp"

namespace tritforge::engine::language_model {

void PyContext::check_scores() const {
    if (!context_.has_scores()) {
        throw std::runtime_error("no logits yet: run step or prefill first");
    }
}

void PyContext::step(const py::object& token) {
    ContextGuard guard;
    guard.hold(busy_);
    engine_.advance({&context_}, py::make_tuple(py::make_tuple(to_integer("token", token))));
}

void PyContext::prefill(const py::object& tokens) {
    ContextGuard guard;
    guard.hold(busy_);
    engine_.advance({&context_}, py::make_tuple(tokens));
}

std::int64_t PyContext::next_token(const py::object& tokens, PySampler& sampler) {
    ContextGuard guard;
    guard.hold(busy_);
    engine_.advance({&context_}, py::make_tuple(tokens));
    const py::gil_scoped_release release;
    return sampler.sampler().choose(context_);
}

py::array_t<std::int32_t> PyContext::logits() {
    ContextGuard guard;
    guard.hold(busy_);
    check_scores();
    py::array_t<std::int32_t> result(context_.engine().shape().vocabulary);
    context_.logits(result.mutable_data());
    return result;
}

py::array_t<std::int32_t> PyContext::accumulators() {
    ContextGuard guard;
    guard.hold(busy_);
    check_scores();
    return py::array_t<std::int32_t>(context_.engine().shape().vocabulary, context_.accumulators());
}

py::array_t<std::int32_t> PyContext::state() {
    ContextGuard guard;
    guard.hold(busy_);
    const ModelShape& shape = context_.engine().shape();
    py::array_t<std::int32_t> result({shape.layers, shape.dim});
    for (int layer = 0; layer < shape.layers; ++layer) {
        std::copy_n(context_.state(layer), shape.dim, result.mutable_data(layer, 0));
    }
    return result;
}

void PyContext::restore(const py::object& values) {
    ContextGuard guard;
    guard.hold(busy_);
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

void PyContext::reset() {
    ContextGuard guard;
    guard.hold(busy_);
    context_.reset();
}

py::dict PyContext::saturations() {
    ContextGuard guard;
    guard.hold(busy_);
    const SaturationCounts& total = context_.saturations();
    py::dict result;
    for (std::size_t i = 0; i < kSignals; ++i) {
        if (total.counts[i] > 0) result[kSignalNames[i]] = total.counts[i];
    }
    return result;
}

std::vector<Context*> hold_contexts(const PyEngine& engine, const py::sequence& contexts,
                                    ContextGuard& guard) {
    std::vector<Context*> result;
    for (const py::handle& item : contexts) {
        if (!py::isinstance<PyContext>(item)) {
            throw py::value_error("contexts must hold Context objects, not " +
                                  std::string(py::repr(item)));
        }
        auto& context = item.cast<PyContext&>();
        if (&context.engine() != &engine) {
            throw py::value_error("a context belongs to another engine");
        }
        guard.hold(context.busy());
        result.push_back(&context.context());
    }
    return result;
}

void bind_context(py::module_& module) {
    py::class_<PyContext>(module, "Context", "The state and scores of one sequence of tokens.")
        .def("step", &PyContext::step, py::arg("token"), "Run one token and its logits.")
        .def("prefill", &PyContext::prefill, py::arg("tokens"),
             "Run tokens in order; the head runs for the last one only.")
        .def("next_token", &PyContext::next_token, py::arg("tokens"), py::arg("sampler"),
             "Run tokens in order and choose the next one.")
        .def("logits", &PyContext::logits, "Logits (vocabulary,) int32, a copy.")
        .def("accumulators", &PyContext::accumulators,
             "Head accumulators (vocabulary,) int32, a copy.")
        .def("state", &PyContext::state, "Recurrent state (layers, dim) int32, a copy.")
        .def("restore", &PyContext::restore, py::arg("state"), "Replace the recurrent state.")
        .def("reset", &PyContext::reset, "Zero state and saturation counts.")
        .def("saturations", &PyContext::saturations, "Saturated elements by signal, if any.");
}

}  // namespace tritforge::engine::language_model
