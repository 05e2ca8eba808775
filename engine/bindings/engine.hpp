// SPDX-License-Identifier: Apache-2.0
// The class Engine of Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings/runner.hpp"
#include "bindings/section.hpp"
#include "language_model/context.hpp"
#include "language_model/engine.hpp"
#include "language_model/executor.hpp"

namespace tritforge::engine::language_model {

/// The model, the buffers it reads, and the threads that run it.
class PyEngine {
  public:
    PyEngine(const py::object& weights, const py::object& parameters, const py::object& embedding,
             const std::string& embedding_type, const py::object& embedding_exponents,
             const py::object& residual_fraction, const py::object& shape,
             const py::object& rows_per_beat, const py::dict& widths,
             const py::object& sigmoid_table, const std::string& kernel, const py::object& threads,
             const py::object& first_layer, bool has_head);
    PyEngine(const PyEngine&) = delete;
    PyEngine& operator=(const PyEngine&) = delete;

    const std::shared_ptr<const Engine>& engine() const { return engine_; }
    int threads() const { return threads_; }

    /// Advance each context by its tokens or residuals; the contexts are held by the caller.
    void advance(const std::vector<Context*>& contexts, const py::sequence& inputs);

    void advance_many(const py::sequence& contexts, const py::sequence& inputs);
    py::list run_layers(const py::sequence& contexts, const py::sequence& inputs);
    py::array_t<std::int32_t> step_many(const py::sequence& contexts, const py::object& tokens);

    double time_products(int lanes);
    std::int64_t rescued();

  private:
    /// What one context advances by, in the order of time.
    struct Input;
    Input to_input(const py::handle& item) const;
    std::vector<Input> to_inputs(const py::sequence& inputs) const;
    void check_head() const;
    /// Run lanes in passes; Ctrl-C stops between two of them.
    void run_lanes(const std::vector<Lane>& lanes);
    void check_embedding(const EmbeddingType& type, const ModelShape& model) const;

    Section weights_;
    Section parameters_;
    Section embedding_;
    std::shared_ptr<const Engine> engine_;
    int threads_ = 1;
    std::unique_ptr<Runner<Executor, Engine>> runner_;
};

/// Add the class Engine.
void bind_engine(py::module_& module);

}  // namespace tritforge::engine::language_model
