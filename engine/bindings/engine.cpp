// SPDX-License-Identifier: Apache-2.0
#include "bindings/engine.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "bindings/arguments.hpp"
#include "bindings/context.hpp"
#include "common/checked_fields.hpp"
#include "common/thread_pool.hpp"
#include "language_model/kernels/kernel_set.hpp"

namespace tritforge::engine::language_model {
namespace {

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

void check_lengths(std::size_t contexts, std::size_t tokens) {
    if (contexts != tokens) {
        throw py::value_error(std::to_string(contexts) + " contexts, but tokens for " +
                              std::to_string(tokens));
    }
}

}  // namespace

PyEngine::PyEngine(const py::object& weights, const py::object& parameters,
                   const py::object& embedding, const std::string& embedding_type,
                   const py::object& embedding_exponents, const py::object& residual_fraction,
                   const py::object& shape, const py::object& rows_per_beat, const py::dict& widths,
                   const py::object& sigmoid_table, const std::string& kernel,
                   const py::object& threads)
    : weights_("weights", weights),
      parameters_("parameters", parameters),
      embedding_("embedding", embedding) {
    ByteSource weight_source = weights_.source(1, "B");
    const ByteSource parameter_source = parameters_.source(1, "B");
    const EmbeddingType& type = find_embedding_type(embedding_type);
    ByteSource embedding_source = embedding_.source(2, type.format);
    const ModelShape model = checked_shape(to_shape(shape));
    check_embedding(type, model);
    const long long fraction = to_integer("residual_fraction", residual_fraction);
    check_range("residual_fraction", fraction, 0, kMaximumResidualFraction);
    Embedding rows_of_tokens(type, std::move(embedding_source),
                             to_vector("embedding_exponents", embedding_exponents), model,
                             static_cast<int>(fraction));
    const long long rows = to_integer("rows_per_beat", rows_per_beat);
    check_range("rows_per_beat", rows, 0, kRowBlock);
    const Widths checked = checked_widths(to_mapping("widths", widths));
    const std::vector<std::int64_t> table = to_vector("sigmoid_table", sigmoid_table);
    const KernelSet& kernel_set = find_kernel_set(kernel.c_str());
    const long long count = to_integer("threads", threads);
    check_range("threads", count, 1, kMaximumThreads);
    threads_ = static_cast<int>(count);
    const py::gil_scoped_release release;
    engine_ = std::make_shared<const Engine>(
        std::move(weight_source), parameter_source, std::move(rows_of_tokens), model,
        static_cast<int>(rows), checked, table, kernel_set, threads_);
    runner_ = std::make_unique<Runner<Executor, Engine>>(engine_, threads_);
}

void PyEngine::check_embedding(const EmbeddingType& type, const ModelShape& model) const {
    if (embedding_.file()) return;  // its length is checked with the rest
    const py::buffer_info& info = embedding_.info();
    if (info.shape[0] != model.vocabulary || info.shape[1] != model.dim) {
        throw py::value_error("embedding has shape (" + std::to_string(info.shape[0]) + ", " +
                              std::to_string(info.shape[1]) + "), the model needs (" +
                              std::to_string(model.vocabulary) + ", " + std::to_string(model.dim) +
                              ")");
    }
    if (static_cast<std::size_t>(info.itemsize) != type.bytes) {
        throw py::value_error("embedding has items of " + std::to_string(info.itemsize) +
                              " bytes, " + type.name + " has " + std::to_string(type.bytes));
    }
}

void PyEngine::advance(const std::vector<Context*>& contexts,
                       const std::vector<std::vector<std::int64_t>>& tokens) {
    std::vector<Lane> lanes;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        if (tokens[i].empty()) throw py::value_error("tokens is empty: give at least one token");
        for (const std::int64_t token : tokens[i]) {
            check_range("token", token, 0, engine_->shape().vocabulary - 1);
            lanes.push_back({contexts[i], token, false});
        }
        lanes.back().with_head = true;
    }
    auto& runner = runner_->own();
    for (std::size_t first = 0; first < lanes.size(); first += kMaximumLanes) {
        const std::size_t left = lanes.size() - first;
        {
            const py::gil_scoped_release release;
            const std::lock_guard<std::mutex> lock(runner.mutex);
            runner.executor.run(&lanes[first],
                                static_cast<int>(std::min<std::size_t>(left, kMaximumLanes)));
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}

void PyEngine::advance_many(const py::sequence& contexts, const py::sequence& tokens) {
    check_lengths(contexts.size(), tokens.size());
    std::vector<std::vector<std::int64_t>> ids;
    for (const py::handle& item : tokens) {
        ids.push_back(to_vector("tokens", py::reinterpret_borrow<py::object>(item)));
    }
    ContextGuard guard;
    advance(hold_contexts(*this, contexts, guard), ids);
}

py::array_t<std::int32_t> PyEngine::step_many(const py::sequence& contexts,
                                              const py::object& tokens) {
    const std::vector<std::int64_t> ids = to_vector("tokens", tokens);
    check_lengths(contexts.size(), ids.size());
    ContextGuard guard;
    const std::vector<Context*> held = hold_contexts(*this, contexts, guard);
    std::vector<std::vector<std::int64_t>> single;
    for (const std::int64_t id : ids) single.push_back({id});
    advance(held, single);
    const int vocabulary = engine_->shape().vocabulary;
    py::array_t<std::int32_t> result({static_cast<int>(held.size()), vocabulary});
    for (std::size_t i = 0; i < held.size(); ++i) {
        held[i]->logits(result.mutable_data(i, 0));
    }
    return result;
}

double PyEngine::time_products(int lanes) {
    check_range("lanes", lanes, 1, kMaximumLanes);
    auto& runner = runner_->own();
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> lock(runner.mutex);
    return runner.executor.time_products(lanes);
}

std::int64_t PyEngine::rescued() {
    auto& runner = runner_->own();
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> lock(runner.mutex);
    return runner.executor.rescued();
}

void bind_engine(py::module_& module) {
    py::class_<PyEngine>(module, "Engine", "A checked model image, ready to run.")
        .def(py::init<const py::object&, const py::object&, const py::object&, const std::string&,
                      const py::object&, const py::object&, const py::object&, const py::object&,
                      const py::dict&, const py::object&, const std::string&, const py::object&>(),
             py::arg("weights"), py::arg("parameters"), py::arg("embedding"),
             py::arg("embedding_type"), py::arg("embedding_exponents"),
             py::arg("residual_fraction"), py::arg("shape"), py::arg("rows_per_beat"),
             py::arg("widths"), py::arg("sigmoid_table"), py::arg("kernel") = "auto",
             py::arg("threads") = 1)
        .def(
            "context", [](PyEngine& self) { return std::make_unique<PyContext>(self); },
            py::keep_alive<0, 1>(), "A new context with zero state.")
        .def("advance_many", &PyEngine::advance_many, py::arg("contexts"), py::arg("tokens"),
             "Advance several contexts, each by its own tokens.")
        .def("step_many", &PyEngine::step_many, py::arg("contexts"), py::arg("tokens"),
             "Advance several contexts by one token each; their logits.")
        .def_property_readonly("_rescued", &PyEngine::rescued)
        .def("_time_products", &PyEngine::time_products, py::arg("lanes") = 1)
        .def_property_readonly("threads", &PyEngine::threads)
        .def_property_readonly("weight_bytes",
                               [](const PyEngine& self) { return self.engine()->weight_bytes(); })
        .def_property_readonly("kernel", [](const PyEngine& self) {
            return std::string(self.engine()->kernel_set().name);
        });
}

}  // namespace tritforge::engine::language_model
