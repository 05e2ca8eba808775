// SPDX-License-Identifier: Apache-2.0
// May this process use the tiles of Intel AMX?
#pragma once

namespace tritforge::engine {

/// True if the processor has AMX-TILE and AMX-INT8, the system keeps their state, and it grants
/// this process their use. Only on a processor with AVX-512. Test builds link
/// test/emulated_tiles.cpp instead of amx_permission.cpp.
bool request_tiles();

}  // namespace tritforge::engine
