// SPDX-License-Identifier: Apache-2.0
// Dimensions of a vision transformer and the widths of its signals, with their ranges
// (tritforge.ivit.shape; a test compares both).
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tritforge::engine::ivit {

/// Numerator of every reciprocal of a sum, and clamp of every sum: 2**31 - 1.
constexpr std::int64_t kNumerator = (std::int64_t{1} << 31) - 1;
constexpr int kNumeratorBits = 31;
/// Sums of products and their biases lie in +-kLargestSum.
constexpr std::int64_t kLargestSum = kNumerator;
/// Largest magnitude of a weight or an activation.
constexpr int kLargestOperand = 128;
constexpr int kPixelValues = 256;
constexpr int kLargestTokens = 8192;

struct VisionShape {
    int image_size, patch_size, channels, dim, heads, layers, hidden, classes;

    int side() const { return image_size / patch_size; }
    int patches() const { return side() * side(); }
    int tokens() const { return patches() + 1; }
    int patch_inputs() const { return patch_size * patch_size * channels; }
    int head_dim() const { return dim / heads; }
    /// Bytes of an image.
    std::size_t pixels() const {
        return static_cast<std::size_t>(image_size) * static_cast<std::size_t>(image_size) *
               static_cast<std::size_t>(channels);
    }
};

/// Bits of the signals; `shiftmax_n` and `shiftgelu_n` are fraction bits of the exponentials.
struct VisionWidths {
    int activation, residual, probability, sigmoid, shiftmax_n, shiftgelu_n, multiplier, gain;
};

/// Name, member and allowed range of one number.
template <class Struct>
struct RangedField {
    const char* name;
    int Struct::* member;
    int minimum, maximum;
};

inline constexpr RangedField<VisionShape> kShapeFields[] = {
    {"image_size", &VisionShape::image_size, 2, 1024},
    {"patch_size", &VisionShape::patch_size, 1, 64},
    {"channels", &VisionShape::channels, 1, 4},
    {"dim", &VisionShape::dim, 2, 4096},
    {"heads", &VisionShape::heads, 1, 64},
    {"layers", &VisionShape::layers, 1, 64},
    {"hidden", &VisionShape::hidden, 2, 8192},
    {"classes", &VisionShape::classes, 2, 65536},
};

inline constexpr RangedField<VisionWidths> kWidthFields[] = {
    {"activation", &VisionWidths::activation, 4, 8},
    {"residual", &VisionWidths::residual, 8, 16},
    {"probability", &VisionWidths::probability, 4, 16},
    {"sigmoid", &VisionWidths::sigmoid, 4, 16},
    {"shiftmax_n", &VisionWidths::shiftmax_n, 4, 24},
    {"shiftgelu_n", &VisionWidths::shiftgelu_n, 4, 24},
    {"multiplier", &VisionWidths::multiplier, 1, 31},
    {"gain", &VisionWidths::gain, 1, 31},
};

/// Throws std::invalid_argument: a number is missing, unknown, out of range, or does not fit the
/// others.
VisionShape checked_shape(const std::map<std::string, long long>& values);

/// Throws std::invalid_argument: a width is missing, unknown or out of range, or there are too many
/// tokens for the fraction bits of Shiftmax.
VisionWidths checked_widths(const std::map<std::string, long long>& values,
                            const VisionShape& shape);

/// Largest |x0| with which no sum of so many exponentials reaches the clamp; 0 if there is none.
int largest_x0(int summands, int fraction_bits);

}  // namespace tritforge::engine::ivit
