// SPDX-License-Identifier: Apache-2.0
#include "bindings/bandwidth.hpp"

#include <memory>

#include "common/bandwidth.hpp"
#include "common/checked_fields.hpp"

namespace py = pybind11;

namespace tritforge::engine {

void bind_bandwidth_probe(py::module_& module) {
    py::class_<BandwidthProbe>(module, "_BandwidthProbe")
        .def(py::init([](std::size_t bytes, int threads) {
                 check_range("threads", threads, 1, kMaximumThreads);
                 return std::make_unique<BandwidthProbe>(bytes, threads);
             }),
             py::arg("bytes"), py::arg("threads"))
        .def_property_readonly("bytes", &BandwidthProbe::bytes)
        .def("read_seconds", &BandwidthProbe::read_seconds,
             py::call_guard<py::gil_scoped_release>());
}

}  // namespace tritforge::engine
