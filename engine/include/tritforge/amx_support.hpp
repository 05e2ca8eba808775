// SPDX-License-Identifier: Apache-2.0
// May this process use the tiles of Intel AMX?
#pragma once

#include "tritforge/backend.hpp"

namespace tritforge {

/// True if the processor has AMX-TILE and AMX-INT8, the system keeps their state, and it grants
/// this process their use. Only on a processor with AVX-512. Test builds link
/// test/emulated_tiles.cpp.
bool request_tiles();

/// True if tiles may be used and `kernel`, which needs them and avx512_vnni, gets a few products
/// right. Answered once for the whole process.
bool is_amx_supported(const TernaryKernel& kernel);

}  // namespace tritforge
