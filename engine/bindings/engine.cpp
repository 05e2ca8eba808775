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
#include "common/fixed_point.hpp"
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

/// Most layers of a whole model.
constexpr int kMostLayers = 128;

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
                   const py::object& threads, const py::object& first_layer, bool has_head)
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
    const long long first = to_integer("first_layer", first_layer);
    check_range("first_layer", first, 0, kMostLayers - 1);
    const Widths checked = checked_widths(to_mapping("widths", widths));
    const std::vector<std::int64_t> table = to_vector("sigmoid_table", sigmoid_table);
    const KernelSet& kernel_set = find_kernel_set(kernel.c_str());
    const long long count = to_integer("threads", threads);
    check_range("threads", count, 1, kMaximumThreads);
    threads_ = static_cast<int>(count);
    const py::gil_scoped_release release;
    engine_ = std::make_shared<const Engine>(
        std::move(weight_source), parameter_source, std::move(rows_of_tokens), model,
        ModelPart{static_cast<int>(first), has_head}, static_cast<int>(rows), checked, table,
        kernel_set, threads_);
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

struct PyEngine::Input {
    std::vector<std::int64_t> tokens;
    /// (count, dim) residuals in place of tokens, or none.
    py::array_t<std::int32_t, py::array::c_style> residuals{std::vector<py::ssize_t>{0, 0}};

    std::size_t count() const {
        return tokens.empty() ? static_cast<std::size_t>(residuals.shape(0)) : tokens.size();
    }
    Lane lane(Context* context, std::size_t index) const {
        if (!tokens.empty()) return {context, tokens[index], false};
        return {context, 0, false, residuals.data(static_cast<py::ssize_t>(index), 0)};
    }
};

PyEngine::Input PyEngine::to_input(const py::handle& item) const {
    const ModelShape& shape = engine_->shape();
    Input input;
    const bool is_array = py::isinstance<py::array>(item);
    if (is_array && py::reinterpret_borrow<py::array>(item).ndim() == 2) {
        const py::array array = py::reinterpret_borrow<py::array>(item);
        if (array.dtype().kind() != 'i' || array.itemsize() != 4 || array.shape(1) != shape.dim) {
            throw py::value_error("residuals must be an int32 array of shape (tokens, " +
                                  std::to_string(shape.dim) + ")");
        }
        input.residuals = py::array_t<std::int32_t, py::array::c_style>(array);
        const std::int64_t limit = symmetric_limit(engine_->widths().residual);
        const std::int32_t* values = input.residuals.data();
        for (py::ssize_t i = 0; i < input.residuals.size(); ++i) {
            check_range("a residual", values[i], -limit, limit);
        }
    } else {
        if (!engine_->part().has_embedding()) {
            throw py::value_error("this part of a model begins with layer " +
                                  std::to_string(engine_->part().first_layer) +
                                  ": give residuals of shape (tokens, dim), not tokens");
        }
        input.tokens = to_vector("tokens", py::reinterpret_borrow<py::object>(item));
        for (const std::int64_t token : input.tokens) {
            check_range("token", token, 0, shape.vocabulary - 1);
        }
    }
    if (input.count() == 0) throw py::value_error("tokens is empty: give at least one token");
    return input;
}

std::vector<PyEngine::Input> PyEngine::to_inputs(const py::sequence& inputs) const {
    std::vector<Input> result;
    for (const py::handle& item : inputs) result.push_back(to_input(item));
    return result;
}

void PyEngine::check_head() const {
    if (!engine_->part().has_head) {
        throw py::value_error("this part of a model has no head: use run_layers");
    }
}

void PyEngine::run_lanes(const std::vector<Lane>& lanes) {
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

void PyEngine::advance(const std::vector<Context*>& contexts, const py::sequence& inputs) {
    check_head();
    const std::vector<Input> checked = to_inputs(inputs);
    std::vector<Lane> lanes;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        for (std::size_t at = 0; at < checked[i].count(); ++at) {
            lanes.push_back(checked[i].lane(contexts[i], at));
        }
        lanes.back().with_head = true;
    }
    run_lanes(lanes);
}

void PyEngine::advance_many(const py::sequence& contexts, const py::sequence& inputs) {
    check_lengths(contexts.size(), inputs.size());
    ContextGuard guard;
    advance(hold_contexts(*this, contexts, guard), inputs);
}

py::list PyEngine::run_layers(const py::sequence& contexts, const py::sequence& inputs) {
    check_lengths(contexts.size(), inputs.size());
    ContextGuard guard;
    const std::vector<Context*> held = hold_contexts(*this, contexts, guard);
    const std::vector<Input> checked = to_inputs(inputs);
    py::list results;
    std::vector<Lane> lanes;
    for (std::size_t i = 0; i < held.size(); ++i) {
        const std::size_t count = checked[i].count();
        py::array_t<std::int32_t> result(
            {static_cast<py::ssize_t>(count), static_cast<py::ssize_t>(engine_->shape().dim)});
        for (std::size_t at = 0; at < count; ++at) {
            lanes.push_back(checked[i].lane(held[i], at));
            lanes.back().output = result.mutable_data(static_cast<py::ssize_t>(at), 0);
        }
        results.append(std::move(result));
    }
    run_lanes(lanes);
    return results;
}

py::array_t<std::int32_t> PyEngine::step_many(const py::sequence& contexts,
                                              const py::object& tokens) {
    const std::vector<std::int64_t> ids = to_vector("tokens", tokens);
    check_lengths(contexts.size(), ids.size());
    ContextGuard guard;
    const std::vector<Context*> held = hold_contexts(*this, contexts, guard);
    py::list single;
    for (const std::int64_t id : ids) single.append(py::make_tuple(id));
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
                      const py::dict&, const py::object&, const std::string&, const py::object&,
                      const py::object&, bool>(),
             py::arg("weights"), py::arg("parameters"), py::arg("embedding"),
             py::arg("embedding_type"), py::arg("embedding_exponents"),
             py::arg("residual_fraction"), py::arg("shape"), py::arg("rows_per_beat"),
             py::arg("widths"), py::arg("sigmoid_table"), py::arg("kernel") = "auto",
             py::arg("threads") = 1, py::arg("first_layer") = 0, py::arg("has_head") = true)
        .def(
            "context", [](PyEngine& self) { return std::make_unique<PyContext>(self); },
            py::keep_alive<0, 1>(), "A new context with zero state.")
        .def("advance_many", &PyEngine::advance_many, py::arg("contexts"), py::arg("inputs"),
             "Advance several contexts, each by its own tokens or residuals.")
        .def("run_layers", &PyEngine::run_layers, py::arg("contexts"), py::arg("inputs"),
             "Advance several contexts without the head; their residuals after the last layer.")
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
