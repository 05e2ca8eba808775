// SPDX-License-Identifier: Apache-2.0
// The class Context of Python, and how callers keep others from using one at the same time.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "bindings/engine.hpp"
#include "bindings/sampler.hpp"
#include "language_model/context.hpp"

namespace tritforge::engine::language_model {

/// Marks contexts as in use for as long as it lives; a second user is refused instead of racing.
class ContextGuard {
  public:
    ContextGuard() = default;
    ~ContextGuard() {
        for (std::atomic<bool>* busy : held_) busy->store(false, std::memory_order_release);
    }
    ContextGuard(const ContextGuard&) = delete;
    ContextGuard& operator=(const ContextGuard&) = delete;

    void hold(std::atomic<bool>& busy) {
        held_.reserve(held_.size() + 1);
        if (busy.exchange(true, std::memory_order_acquire)) {
            throw std::runtime_error(
                "this context is in use by another thread, or given twice: give each its own");
        }
        held_.push_back(&busy);
    }

  private:
    std::vector<std::atomic<bool>*> held_;
};

/// A context of an engine. The engine object lives as long as its contexts.
class PyContext {
  public:
    explicit PyContext(PyEngine& engine) : engine_(engine), context_(engine.engine()) {}

    void step(const py::object& token);
    void prefill(const py::object& tokens);
    std::int64_t next_token(const py::object& tokens, PySampler& sampler);
    py::array_t<std::int32_t> logits();
    py::array_t<std::int32_t> accumulators();
    py::array_t<std::int32_t> state();
    void restore(const py::object& values);
    void reset();
    py::dict saturations();

    const PyEngine& engine() const { return engine_; }
    Context& context() { return context_; }
    std::atomic<bool>& busy() { return busy_; }

  private:
    void check_scores() const;

    PyEngine& engine_;
    Context context_;
    std::atomic<bool> busy_{false};
};

/// Contexts of one engine out of a Python sequence, held by `guard`.
std::vector<Context*> hold_contexts(const PyEngine& engine, const py::sequence& contexts,
                                    ContextGuard& guard);

/// Add the class Context.
void bind_context(py::module_& module);

}  // namespace tritforge::engine::language_model
