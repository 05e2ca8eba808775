// SPDX-License-Identifier: Apache-2.0
// A vision transformer, checked and packed for one kernel set. Nothing in it changes afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/aligned_buffer.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/parameter_arrays.hpp"
#include "ivit/prepared_factor.hpp"
#include "ivit/shape.hpp"

namespace tritforge::engine::ivit {

/// A linear layer and the requantisation of its sums.
struct LinearLayer {
    int columns, inputs;
    AlignedBuffer<std::uint8_t> packed;
    AlignedBuffer<std::int32_t> start;
    ChannelFactorTable factors;
};

struct NormLayer {
    std::vector<std::int32_t> bias;
    ChannelFactorTable factors;
    bool is_narrow;
};

struct VisionBlock {
    NormLayer norm1;
    LinearLayer qkv;
    ChannelFactorTable scores;  ///< the same for every key
    std::vector<std::uint32_t> exponentials;
    ChannelFactorTable context;  ///< the same for every channel of a head
    LinearLayer projection;
    ResidualAdd residual1;
    NormLayer norm2;
    LinearLayer fc1;
    std::vector<std::int8_t> gelu;
    LinearLayer fc2;
    ResidualAdd residual2;
};

class VisionModel {
  public:
    /// Checks everything and packs the weights. Throws std::invalid_argument.
    VisionModel(const VisionShape& shape, const VisionWidths& widths, ParameterArrays& arrays,
                const KernelSet& kernel_set);

    const KernelSet& kernels;
    const VisionShape shape;
    const VisionWidths widths;
    std::vector<std::int8_t> input_table;  ///< (channels, kPixelValues)
    LinearLayer patch_projection;
    Factor patches;
    std::vector<std::int32_t> constant;  ///< (tokens, dim)
    std::vector<VisionBlock> blocks;
    NormLayer head_norm;
    LinearLayer classifier;
    int logit_fraction;

  private:
    LinearLayer take_linear(ParameterArrays& arrays, const std::string& name, int columns,
                            int inputs) const;
    NormLayer take_norm(ParameterArrays& arrays, const std::string& name) const;
    ResidualAdd take_residual(ParameterArrays& arrays, const std::string& name) const;
    /// One factor for so many channels of sums up to `largest`.
    ChannelFactorTable take_shared(ParameterArrays& arrays, const std::string& name, int channels,
                                   std::int64_t largest) const;
    VisionBlock take_block(ParameterArrays& arrays, int layer) const;
};

}  // namespace tritforge::engine::ivit
