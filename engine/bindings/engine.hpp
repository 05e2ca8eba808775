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
             const py::object& sigmoid_table, const std::string& kernel, const py::object& threads);
    PyEngine(const PyEngine&) = delete;
    PyEngine& operator=(const PyEngine&) = delete;

    const std::shared_ptr<const Engine>& engine() const { return engine_; }
    int threads() const { return threads_; }

    /// Advance each context by its tokens; the contexts are held by the caller.
    void advance(const std::vector<Context*>& contexts,
                 const std::vector<std::vector<std::int64_t>>& tokens);

    void advance_many(const py::sequence& contexts, const py::sequence& tokens);
    py::array_t<std::int32_t> step_many(const py::sequence& contexts, const py::object& tokens);

    double time_products(int lanes);
    std::int64_t rescued();

  private:
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
