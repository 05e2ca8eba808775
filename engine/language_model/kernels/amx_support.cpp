// SPDX-License-Identifier: Apache-2.0
#include "language_model/kernels/amx_support.hpp"

#include "common/amx_permission.hpp"
#include "language_model/kernels/kernel_check.hpp"
#include "language_model/kernels/kernel_set.hpp"

namespace tritforge::engine::language_model {
namespace {

/// The kernel was written without the hardware, so it is tried before it is offered.
bool is_right(const TernaryKernel& kernel) {
    std::mt19937 random;
    // Two row blocks and two chunks of columns, both with a remainder.
    const MatrixLayout layout = {33, 341, 1, 16};
    return count_wrong_sums(kernel, random_product(layout, kMaximumLanes, random)) == 0 &&
           count_wrong_sums(kernel, random_product(layout, kMaximumLanes / 2 - 1, random)) == 0;
}

}  // namespace

bool is_amx_supported(const TernaryKernel& kernel) {
    static const bool supported =
        kAvx512VnniKernels.is_supported() && request_tiles() && is_right(kernel);
    return supported;
}

}  // namespace tritforge::engine::language_model
