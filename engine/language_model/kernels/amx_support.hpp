// SPDX-License-Identifier: Apache-2.0
// May the ternary kernel with the tiles of Intel AMX be offered?
#pragma once

#include "language_model/kernels/ternary_kernel.hpp"

namespace tritforge::engine::language_model {

/// True if tiles may be used and `kernel`, which needs them and avx512_vnni, gets a few products
/// right. Answered once for the whole process.
bool is_amx_supported(const TernaryKernel& kernel);

}  // namespace tritforge::engine::language_model
