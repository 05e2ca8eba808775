// SPDX-License-Identifier: Apache-2.0
#include "ivit/shape.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/checked_fields.hpp"

namespace tritforge::engine::ivit {
namespace {

constexpr int kWidestX0 = 65535;

void check_multiple(const char* what, int value, const char* divisor_name, int divisor) {
    if (value % divisor != 0) {
        throw std::invalid_argument(std::string("shape: ") + what + " is " + std::to_string(value) +
                                    ", not a multiple of " + divisor_name + ", " +
                                    std::to_string(divisor));
    }
}

}  // namespace

VisionShape checked_shape(const std::map<std::string, long long>& values) {
    const VisionShape shape = checked_fields<VisionShape>("shape", kShapeFields, values);
    check_multiple("image_size", shape.image_size, "patch_size", shape.patch_size);
    check_multiple("dim", shape.dim, "heads", shape.heads);
    check_range("tokens (patches and the class token)", shape.tokens(), 2, kLargestTokens);
    check_range("patch_size**2 * channels", shape.patch_inputs(), 1,
                kLargestSum / (kLargestOperand * kLargestOperand));
    return shape;
}

VisionWidths checked_widths(const std::map<std::string, long long>& values,
                            const VisionShape& shape) {
    const VisionWidths widths = checked_fields<VisionWidths>("widths", kWidthFields, values);
    if (largest_x0(shape.tokens(), widths.shiftmax_n) < 1) {
        throw std::invalid_argument("widths: shiftmax_n is " + std::to_string(widths.shiftmax_n) +
                                    ", too large for sums of " + std::to_string(shape.tokens()) +
                                    " exponentials");
    }
    return widths;
}

int largest_x0(int summands, int fraction_bits) {
    const std::int64_t largest =
        kNumerator / (static_cast<std::int64_t>(summands) << fraction_bits);
    return static_cast<int>(std::min<std::int64_t>(largest, kWidestX0));
}

}  // namespace tritforge::engine::ivit
