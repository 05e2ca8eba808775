// SPDX-License-Identifier: Apache-2.0
// The tile instructions in plain C++, as the manual describes them (see amx_tiles.hpp). What the
// processor answers with a fault ends the program with a message.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tritforge/amx_tiles.hpp"

namespace tritforge {

struct EmulatedTile {
    int rows, row_bytes;
    std::uint8_t data[kTileRows][kTileRowBytes];
};

struct EmulatedTiles {
    bool configured;
    EmulatedTile tile[kTiles];
};

/// State of the thread at hand, like the registers.
static thread_local EmulatedTiles emulated_tiles{};

static void fault_unless(bool condition, const char* rule) {
    if (condition) return;
    std::fprintf(stderr, "tile fault: %s\n", rule);
    std::abort();
}

static EmulatedTile& configured_tile(int index) {
    fault_unless(emulated_tiles.configured, "tiles are configured");
    return emulated_tiles.tile[index];
}

static void tile_configure(const TileConfiguration& configuration) {
    fault_unless(configuration.palette == 1, "the palette is 1");
    fault_unless(configuration.start_row == 0, "loads start with row 0");
    for (const std::uint8_t byte : configuration.reserved) {
        fault_unless(byte == 0, "reserved bytes are 0");
    }
    for (int index = 0; index < 16; ++index) {
        const int rows = configuration.rows[index], row_bytes = configuration.row_bytes[index];
        if (index < kTiles) {
            fault_unless(rows >= 1 && rows <= kTileRows, "a tile has 1 to 16 rows");
            fault_unless(row_bytes >= 1 && row_bytes <= kTileRowBytes, "a row has 1 to 64 bytes");
            emulated_tiles.tile[index] = EmulatedTile{rows, row_bytes, {}};
        } else {
            fault_unless(rows == 0 && row_bytes == 0, "tiles beyond the palette's have no shape");
        }
    }
    emulated_tiles.configured = true;
}

static void tile_release() { emulated_tiles = EmulatedTiles{}; }

template <int kTile>
static void tile_zero() {
    EmulatedTile& tile = configured_tile(kTile);
    std::memset(tile.data, 0, sizeof tile.data);
}

/// Rows and bytes beyond the tile's shape become 0.
template <int kTile>
static void tile_load(const void* rows, std::ptrdiff_t stride) {
    tile_zero<kTile>();
    EmulatedTile& tile = configured_tile(kTile);
    for (int row = 0; row < tile.rows; ++row) {
        std::memcpy(tile.data[row], static_cast<const std::uint8_t*>(rows) + row * stride,
                    static_cast<std::size_t>(tile.row_bytes));
    }
}

template <int kTile>
static void tile_store(void* rows, std::ptrdiff_t stride) {
    const EmulatedTile& tile = configured_tile(kTile);
    for (int row = 0; row < tile.rows; ++row) {
        std::memcpy(static_cast<std::uint8_t*>(rows) + row * stride, tile.data[row],
                    static_cast<std::size_t>(tile.row_bytes));
    }
}

template <int kSums, int kSigned, int kUnsigned>
static void tile_multiply_add() {
    static_assert(kSums != kSigned && kSums != kUnsigned && kSigned != kUnsigned,
                  "the three tiles must differ");
    EmulatedTile& sums = configured_tile(kSums);
    const EmulatedTile& left = configured_tile(kSigned);
    const EmulatedTile& right = configured_tile(kUnsigned);
    fault_unless(sums.row_bytes % 4 == 0 && left.row_bytes % 4 == 0 && right.row_bytes % 4 == 0,
                 "rows are whole dwords");
    fault_unless(sums.rows == left.rows, "the sums have the rows of the left tile");
    fault_unless(sums.row_bytes == right.row_bytes, "the sums have the columns of the right tile");
    fault_unless(left.row_bytes == 4 * right.rows, "a dword of the left for each row of the right");
    for (int m = 0; m < sums.rows; ++m) {
        std::int32_t row[kTileRowBytes / 4];
        std::memcpy(row, sums.data[m], sizeof row);
        for (int k = 0; k < right.rows; ++k) {
            for (int n = 0; n < sums.row_bytes / 4; ++n) {
                for (int byte = 0; byte < 4; ++byte) {
                    row[n] += static_cast<std::int8_t>(left.data[m][4 * k + byte]) *
                              right.data[k][4 * n + byte];
                }
            }
        }
        std::memset(sums.data[m], 0, sizeof sums.data[m]);
        std::memcpy(sums.data[m], row, static_cast<std::size_t>(sums.row_bytes));
    }
    for (int m = sums.rows; m < kTileRows; ++m) std::memset(sums.data[m], 0, sizeof sums.data[m]);
}

}  // namespace tritforge
