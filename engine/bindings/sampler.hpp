// SPDX-License-Identifier: Apache-2.0
// The class Sampler of Python.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "language_model/sampler.hpp"

namespace py = pybind11;

namespace tritforge::engine::language_model {

class PyContext;

/// Seeded choice of tokens. One thread uses it at a time.
class PySampler {
  public:
    PySampler(double temperature, const py::object& top_k, double top_p, const py::object& seed,
              const py::object& banned_token);

    std::int64_t choose(PyContext& context);
    Sampler& sampler() { return sampler_; }

  private:
    Sampler sampler_;
};

/// Add the class Sampler.
void bind_sampler(py::module_& module);

}  // namespace tritforge::engine::language_model
