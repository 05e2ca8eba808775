// SPDX-License-Identifier: Apache-2.0
// The tile instructions of Intel AMX that kernels use (Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 1, "Programming with Intel Advanced Matrix Extensions").
//
// Inline assembly, because the intrinsic of TILELOADD does not tell GCC that it reads memory, so
// stores into a buffer that only tiles read could be dropped.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tritforge::engine {

/// Most rows of a tile, most bytes of a row and number of tiles of palette 1, the only one.
constexpr int kTileRows = 16;
constexpr int kTileRowBytes = 64;
constexpr int kTiles = 8;

/// Operand of LDTILECFG: palette 1, all tiles configured, everything else 0.
struct TileConfiguration {
    std::uint8_t palette, start_row, reserved[14];
    std::uint16_t row_bytes[16];
    std::uint8_t rows[16];
};
static_assert(sizeof(TileConfiguration) == 64, "the layout that LDTILECFG reads");

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

/// Set the shapes of all tiles and zero them.
TRITFORGE_INLINE void tile_configure(const TileConfiguration& configuration) {
    asm volatile("ldtilecfg %0" ::"m"(configuration));
}

/// Back to the initial state, which costs a context switch nothing.
TRITFORGE_INLINE void tile_release() { asm volatile("tilerelease"); }

template <int kTile>
TRITFORGE_INLINE void tile_zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}

/// Fill a tile from rows that lie `stride` bytes apart.
template <int kTile>
TRITFORGE_INLINE void tile_load(const void* rows, std::ptrdiff_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
}

template <int kTile>
TRITFORGE_INLINE void tile_store(void* rows, std::ptrdiff_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
}

/// Row m, dword n of kSums += sum over dwords k of the products of the four signed bytes of row m,
/// dword k of kSigned with the unsigned ones of row k, dword n of kUnsigned.
template <int kSums, int kSigned, int kUnsigned>
TRITFORGE_INLINE void tile_multiply_add() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSums), "i"(kSigned), "i"(kUnsigned));
}

#undef TRITFORGE_INLINE

}  // namespace tritforge::engine
