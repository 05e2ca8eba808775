// SPDX-License-Identifier: Apache-2.0
#include "ivit/model.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "ivit/shift_exponential.hpp"

namespace tritforge::engine::ivit {
namespace {

constexpr std::int64_t kLargestBias = kNumerator;
/// Normalised rows lie in +-2**30 before their bias.
constexpr std::int64_t kLargestNormalised = std::int64_t{1} << 30;
/// Positions have a bit more than the residual stream may have.
constexpr int kLargestConstant = (1 << 16) - 1;
constexpr int kLargestLogitFraction = 24;
constexpr int kLargestResidual = 1 << 15;

int half_of_range(int bits) { return 1 << (bits - 1); }

}  // namespace

VisionModel::VisionModel(const VisionShape& wanted_shape, const VisionWidths& wanted_widths,
                         ParameterArrays& arrays, const KernelSet& kernel_set)
    : kernels(kernel_set), shape(wanted_shape), widths(wanted_widths) {
    const int half = half_of_range(widths.activation);
    input_table =
        arrays.take<std::int8_t>("input_table", {shape.channels, kPixelValues}, -half, half - 1);
    patch_projection =
        take_linear(arrays, "patch_embedding.projection", shape.dim, shape.patch_inputs());
    patches = arrays.take_factor("patch_embedding.patches");
    constant = arrays.take<std::int32_t>("patch_embedding.constant", {shape.tokens(), shape.dim},
                                         -kLargestConstant, kLargestConstant);
    for (int layer = 0; layer < shape.layers; ++layer) blocks.push_back(take_block(arrays, layer));
    head_norm = take_norm(arrays, "head.norm");
    classifier = take_linear(arrays, "head.classifier", shape.classes, shape.dim);
    logit_fraction = arrays.take_number("head.logit_fraction", 0, kLargestLogitFraction);
    arrays.check_all_taken();
}

LinearLayer VisionModel::take_linear(ParameterArrays& arrays, const std::string& name, int columns,
                                     int inputs) const {
    const std::vector<std::int8_t> weights =
        arrays.take<std::int8_t>(name + ".weight", {columns, inputs}, INT8_MIN, INT8_MAX);
    const std::vector<std::int32_t> bias =
        arrays.take<std::int32_t>(name + ".bias", {columns}, -kLargestBias, kLargestBias);
    const std::vector<Factor> factors = arrays.take_factors(name + ".requantisation", columns);
    LinearLayer layer;
    layer.columns = columns;
    layer.inputs = inputs;
    for (int column = 0; column < columns; ++column) {
        const auto index = static_cast<std::size_t>(column);
        std::int64_t magnitude = 0;
        const std::int8_t* row = weights.data() + index * static_cast<std::size_t>(inputs);
        for (int input = 0; input < inputs; ++input) magnitude += std::abs(row[input]);
        const std::int64_t largest =
            std::llabs(bias[index]) + half_of_range(widths.activation) * magnitude;
        if (largest > kLargestSum) {
            throw std::invalid_argument(name + ": output " + std::to_string(column) +
                                        " can reach " + std::to_string(largest) + ", beyond " +
                                        std::to_string(kLargestSum));
        }
        layer.factors.add(prepare_factor(factors[index], largest));
    }
    const ProductKernel& kernel = kernels.bytes;
    layer.packed = AlignedBuffer<std::uint8_t>(packed_bytes(kernel, columns, inputs));
    layer.start = AlignedBuffer<std::int32_t>(padded_columns(kernel, columns));
    kernel.pack({weights.data(), inputs}, columns, inputs, bias.data(), layer.packed.get(),
                layer.start.get());
    return layer;
}

NormLayer VisionModel::take_norm(ParameterArrays& arrays, const std::string& name) const {
    NormLayer norm;
    norm.bias = arrays.take<std::int32_t>(name + ".bias", {shape.dim}, -kLargestBias, kLargestBias);
    std::int64_t largest = 0;
    for (const std::int64_t bias : norm.bias)
        largest = std::max(largest, std::int64_t{std::llabs(bias)});
    largest += kLargestNormalised;
    norm.is_narrow = largest <= INT32_MAX;
    for (const Factor& factor :
         arrays.take_factors(name + ".requantisation", shape.dim, /*is_gain=*/true)) {
        norm.factors.add(prepare_factor(factor, largest));
    }
    return norm;
}

ResidualAdd VisionModel::take_residual(ParameterArrays& arrays, const std::string& name) const {
    const Factor branch = arrays.take_factor(name + ".branch");
    const Factor identity = arrays.take_factor(name + ".identity");
    return {prepare_factor(branch, kLargestResidual), prepare_factor(identity, kLargestResidual),
            widths.residual};
}

ChannelFactorTable VisionModel::take_shared(ParameterArrays& arrays, const std::string& name,
                                            int channels, std::int64_t largest) const {
    const PreparedFactor factor = prepare_factor(arrays.take_factor(name), largest);
    ChannelFactorTable table;
    for (int channel = 0; channel < channels; ++channel) table.add(factor);
    return table;
}

VisionBlock VisionModel::take_block(ParameterArrays& arrays, int layer) const {
    const std::string name = "blocks." + std::to_string(layer) + ".";
    const std::int64_t half = half_of_range(widths.activation);
    VisionBlock block;
    block.norm1 = take_norm(arrays, name + "norm1");
    block.qkv = take_linear(arrays, name + "attention.qkv", 3 * shape.dim, shape.dim);
    block.scores = take_shared(arrays, name + "attention.scores", shape.tokens(),
                               half * half * shape.head_dim());
    block.exponentials =
        exponential_table(arrays.take_number(name + "attention.x0_magnitude", 1,
                                             largest_x0(shape.tokens(), widths.shiftmax_n)),
                          widths.shiftmax_n);
    // The probabilities of a row sum up to at most 1.
    block.context = take_shared(arrays, name + "attention.context", shape.head_dim(),
                                half << (widths.probability - 1));
    block.projection = take_linear(arrays, name + "attention.projection", shape.dim, shape.dim);
    block.residual1 = take_residual(arrays, name + "residual1");
    block.norm2 = take_norm(arrays, name + "norm2");
    block.fc1 = take_linear(arrays, name + "mlp.fc1", shape.hidden, shape.dim);
    const int x0 =
        arrays.take_number(name + "mlp.x0_magnitude", 1, largest_x0(2, widths.shiftgelu_n));
    block.gelu = gelu_tables(x0, widths.shiftgelu_n, widths.sigmoid, widths.activation,
                             arrays.take_factor(name + "mlp.gelu"));
    block.fc2 = take_linear(arrays, name + "mlp.fc2", shape.dim, shape.hidden);
    block.residual2 = take_residual(arrays, name + "residual2");
    return block;
}

}  // namespace tritforge::engine::ivit
