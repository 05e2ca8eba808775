// SPDX-License-Identifier: Apache-2.0
#include "bindings/test_hooks.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arguments.hpp"
#include "bindings/sampler.hpp"
#include "common/aligned_buffer.hpp"
#include "common/checked_fields.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/model_shape.hpp"
#include "language_model/program.hpp"
#include "language_model/sampling_weights.hpp"
#include "language_model/signals.hpp"
#include "language_model/ternary_code.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {
namespace {

using Scores32 = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

/// Dot products (lanes, rows) of one matrix of an operation.
py::array_t<std::int32_t> ternary_dot(const std::string& kernel, const py::buffer& packed, int rows,
                                      int matrix, const Integers& codes) {
    const py::buffer_info info = packed.request();
    const ByteView view = checked_view("packed", info, 4, "B");
    const KernelSet& kernel_set = find_kernel_set(kernel.c_str());
    check_range("code dimensions", codes.ndim(), 2, 2);
    check_range("lanes", codes.shape(0), 1, kMaximumLanes);
    check_range("codes", codes.shape(1), 1, kLongestInputs);
    check_range("rows", rows, 1, 1 << 18);
    check_range("matrix", matrix, 0, info.shape[1] - 1);
    const int lanes = static_cast<int>(codes.shape(0));
    const MatrixLayout layout = {rows, static_cast<int>(codes.shape(1)),
                                 static_cast<int>(info.shape[1]), static_cast<int>(info.shape[3])};
    check_range("packed rows per beat", layout.rows_per_beat, 8, kRowBlock);
    check_range("packed bytes", static_cast<long long>(view.bytes),
                static_cast<long long>(stream_bytes(layout)),
                static_cast<long long>(stream_bytes(layout)));
    const TernaryKernel& ternary = kernel_set.kernel;
    const std::size_t copied = ternary.repacked_bytes(layout);
    AlignedBuffer<std::uint8_t> repacked(copied > 0 ? copied + kReadAhead : 0);
    AlignedBuffer<std::uint8_t> scratch(ternary.scratch_bytes(layout.inputs, lanes));
    if (copied > 0) {
        ternary.repack(layout, 0, row_tiles(layout), view.data, repacked.get());
    }
    AlignedBuffer<std::int32_t> sums(padded_rows(rows) * static_cast<std::size_t>(lanes));
    std::int32_t* results[kMaximumLanes];
    for (int lane = 0; lane < lanes; ++lane) {
        std::vector<std::int8_t> bytes;
        for (int i = 0; i < layout.inputs; ++i) {
            check_range("code", codes.at(lane, i), -kCodeLimit, kCodeLimit);
            bytes.push_back(static_cast<std::int8_t>(codes.at(lane, i)));
        }
        ternary.load_codes(bytes.data(), layout.inputs, lane, lanes, scratch.get());
        results[lane] = sums.get() + padded_rows(rows) * static_cast<std::size_t>(lane);
    }
    ternary.dot(layout, copied > 0 ? repacked.get() : view.data, matrix, 0, row_blocks(layout),
                scratch.get(), lanes, results);
    py::array_t<std::int32_t> result({lanes, rows});
    for (int lane = 0; lane < lanes; ++lane) {
        std::copy_n(results[lane], rows, result.mutable_data(lane, 0));
    }
    return result;
}

/// Token that the sampler chooses for given scores.
std::int64_t choose(PySampler& sampler, const std::string& kernel, const Scores32& logits,
                    const Scores32& accumulators, int logit_fraction) {
    const KernelSet& kernel_set = find_kernel_set(kernel.c_str());
    check_range("scores", logits.size(), 1, 1 << 18);
    check_range("accumulators", accumulators.size(), logits.size(), logits.size());
    return sampler.sampler().choose(kernel_set, logits.data(), accumulators.data(),
                                    static_cast<int>(logits.size()), logit_fraction);
}

/// The tables and ranges this side repeats, to be compared with the Python ones.
py::dict constants() {
    py::dict result, shape, widths, ranges;
    for (const ShapeField& field : kShapeFields) {
        shape[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const WidthField& field : kWidthFields) {
        widths[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const FieldRange& field : {kShiftRange, kScaleExponentRange}) {
        ranges[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    py::list words;
    for (const DecodedByte& byte : kDecodeTable) {
        py::list weights;
        for (const std::int8_t weight : byte.weights) weights.append(int{weight});
        words.append(byte.valid ? py::object(weights) : py::object(py::none()));
    }
    py::list terms;
    for (const double term : kExponentialTerms) terms.append(term);
    result["exponential_terms"] = terms;
    result["shape"] = shape;
    result["widths"] = widths;
    result["ranges"] = ranges;
    result["words"] = words;
    result["signals"] =
        py::cast(std::vector<std::string>(kSignalNames.begin(), kSignalNames.end()));
    return result;
}

}  // namespace

void bind_test_hooks(py::module_& module) {
    module.def("_ternary_dot", &ternary_dot, py::arg("kernel"), py::arg("packed"), py::arg("rows"),
               py::arg("matrix"), py::arg("codes"));
    module.def("_choose", &choose, py::arg("sampler"), py::arg("kernel"), py::arg("logits"),
               py::arg("accumulators"), py::arg("logit_fraction"));
    module.def("_constants", &constants);
}

}  // namespace tritforge::engine::language_model
