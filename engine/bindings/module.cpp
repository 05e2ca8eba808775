// SPDX-License-Identifier: Apache-2.0
// The Python module `_engine`: its classes check and convert arguments, hold buffers and release
// the GIL. No arithmetic.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bandwidth.hpp"
#include "bindings/context.hpp"
#include "bindings/engine.hpp"
#include "bindings/sampler.hpp"
#include "bindings/section.hpp"
#include "bindings/test_hooks.hpp"
#include "bindings/vision_engine.hpp"
#include "common/kernel_choice.hpp"
#include "language_model/kernels/kernel_set.hpp"

namespace py = pybind11;

namespace tritforge::engine {
namespace {

std::vector<std::string> kernel_names() {
    return set_names(language_model::available_kernel_sets());
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
    bind_bandwidth_probe(module);
    bind_file_section(module);
    language_model::bind_context(module);
    language_model::bind_sampler(module);
    language_model::bind_engine(module);
    language_model::bind_test_hooks(module);
    ivit::bind_vision_engine(module);
}

}  // namespace tritforge::engine
