// SPDX-License-Identifier: Apache-2.0
// The class VisionEngine of Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bindings/runner.hpp"
#include "ivit/executor.hpp"
#include "ivit/model.hpp"

namespace py = pybind11;

namespace tritforge::engine::ivit {

/// The model and the threads that run it.
class PyVisionEngine {
  public:
    PyVisionEngine(const py::dict& shape, const py::dict& widths, const py::dict& arrays,
                   const std::string& kernel, const py::object& threads);
    PyVisionEngine(const PyVisionEngine&) = delete;
    PyVisionEngine& operator=(const PyVisionEngine&) = delete;

    py::array_t<std::int64_t> logits(const py::buffer& pixels);
    std::int64_t multiply_only();
    const VisionModel& model() const { return *model_; }
    int threads() const { return threads_; }

  private:
    std::shared_ptr<const VisionModel> model_;
    int threads_ = 1;
    std::unique_ptr<Runner<Executor, VisionModel>> runner_;
};

/// Add the class VisionEngine and the functions that belong to it.
void bind_vision_engine(py::module_& module);

}  // namespace tritforge::engine::ivit
