// SPDX-License-Identifier: Apache-2.0
// Tile instructions for processors without them, to test the AMX kernel as it was compiled: the
// processor refuses each instruction, and a signal handler decodes it and does what the manual says
// (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
//
// Linked in place of amx_permission.cpp. What a processor with tiles would answer with a fault ends
// the program with a message.
#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/amx_permission.hpp"
#include "common/amx_tiles.hpp"

namespace tritforge::engine {
namespace {

struct Tile {
    int rows, row_bytes;
    std::uint8_t data[kTileRows][kTileRowBytes];
};

struct Tiles {
    bool configured;
    Tile tile[kTiles];
};

/// The registers of the thread at hand.
thread_local Tiles tiles{};

void fault_unless(bool condition, const char* rule) {
    if (condition) return;
    std::fprintf(stderr, "tile fault: %s\n", rule);
    std::abort();
}

Tile& configured_tile(int index) {
    fault_unless(index < kTiles, "there are eight tiles");
    fault_unless(tiles.configured, "tiles are configured before their use");
    return tiles.tile[index];
}

void configure(const std::uint8_t* memory) {
    TileConfiguration configuration;
    std::memcpy(&configuration, memory, sizeof configuration);
    // The engine's own rule: a call of the kernel leaves nothing behind.
    fault_unless(!tiles.configured, "tiles are released after use");
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
            tiles.tile[index] = Tile{rows, row_bytes, {}};
        } else {
            fault_unless(rows == 0 && row_bytes == 0, "tiles beyond the palette have no shape");
        }
    }
    tiles.configured = true;
}

void release() { tiles = Tiles{}; }

void zero(int index) {
    Tile& tile = configured_tile(index);
    std::memset(tile.data, 0, sizeof tile.data);
}

/// Rows and bytes beyond the shape become 0.
void load(int index, const std::uint8_t* rows, std::int64_t stride) {
    zero(index);
    Tile& tile = configured_tile(index);
    for (int row = 0; row < tile.rows; ++row) {
        std::memcpy(tile.data[row], rows + row * stride, static_cast<std::size_t>(tile.row_bytes));
    }
}

void store(int index, std::uint8_t* rows, std::int64_t stride) {
    const Tile& tile = configured_tile(index);
    for (int row = 0; row < tile.rows; ++row) {
        std::memcpy(rows + row * stride, tile.data[row], static_cast<std::size_t>(tile.row_bytes));
    }
}

/// Signed bytes of the left tile times unsigned ones of the right.
void multiply_add(int sums_index, int left_index, int right_index) {
    fault_unless(sums_index != left_index && sums_index != right_index && left_index != right_index,
                 "the three tiles differ");
    Tile& sums = configured_tile(sums_index);
    const Tile& left = configured_tile(left_index);
    const Tile& right = configured_tile(right_index);
    fault_unless(sums.row_bytes % 4 == 0 && left.row_bytes % 4 == 0 && right.row_bytes % 4 == 0,
                 "rows are whole dwords");
    fault_unless(sums.rows == left.rows, "the sums have the rows of the left tile");
    fault_unless(sums.row_bytes == right.row_bytes, "the sums have the columns of the right tile");
    fault_unless(left.row_bytes == 4 * right.rows,
                 "the left has a dword for each row of the right");
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

/// Places of the registers 0 to 15 of the encoding in the context of a signal.
constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

/// An instruction with a three-byte VEX prefix, opcode map 0F38, 128 bits, W0.
class Instruction {
  public:
    explicit Instruction(const greg_t* registers)
        : registers_(registers), bytes_(reinterpret_cast<const std::uint8_t*>(registers[REG_RIP])) {
        is_vex_ = bytes_[0] == 0xC4 && (bytes_[1] & 0x1F) == 2 && (bytes_[2] & 0x84) == 0;
        if (is_vex_ && mode() != 3) find_operand();
    }

    /// Opcode and mandatory prefix (0: none, 2: F3, 3: F2), with a memory or register operand.
    bool is(int opcode, int prefix, bool memory) const {
        return is_vex_ && bytes_[3] == opcode && (bytes_[2] & 3) == prefix &&
               (mode() != 3) == memory;
    }

    /// Operands that are registers.
    int first() const { return (bytes_[4] >> 3 & 7) | (bytes_[1] & 0x80 ? 0 : 8); }
    int second() const { return (bytes_[4] & 7) | (bytes_[1] & 0x20 ? 0 : 8); }
    int third() const { return ~(bytes_[2] >> 3) & 15; }

    bool has_index_byte() const { return mode() != 3 && (bytes_[4] & 7) == 4; }
    /// Base and displacement of the memory operand, and its scaled index: the stride of a tile.
    std::uint8_t* memory() const { return reinterpret_cast<std::uint8_t*>(base_); }
    std::int64_t index() const { return index_; }
    greg_t next() const { return registers_[REG_RIP] + length_; }

  private:
    int mode() const { return bytes_[4] >> 6; }

    greg_t value(int number) const { return registers_[kRegisters[number]]; }

    void find_operand() {
        int base = second();
        if (has_index_byte()) {
            const int sib = bytes_[length_++];
            const int index = (sib >> 3 & 7) | (bytes_[1] & 0x40 ? 0 : 8);
            if (index != 4) index_ = value(index) * (1 << (sib >> 6));
            base = (sib & 7) | (bytes_[1] & 0x20 ? 0 : 8);
        }
        int displacement_bytes = mode() == 0 ? 0 : (mode() == 1 ? 1 : 4);
        const bool no_base = mode() == 0 && (base & 7) == 5;
        if (no_base) displacement_bytes = 4;
        if (displacement_bytes == 1) {
            base_ = static_cast<std::int8_t>(bytes_[length_]);
        } else if (displacement_bytes == 4) {
            std::int32_t displacement;
            std::memcpy(&displacement, bytes_ + length_, sizeof displacement);
            base_ = displacement;
        }
        length_ += displacement_bytes;
        if (!no_base) {
            base_ += value(base);
        } else if (!has_index_byte()) {
            base_ += next();  // relative to the next instruction
        }
    }

    const greg_t* registers_;
    const std::uint8_t* bytes_;
    bool is_vex_ = false;
    int length_ = 5;
    greg_t base_ = 0, index_ = 0;
};

/// False: not a tile instruction.
bool emulate(const Instruction& instruction) {
    if (instruction.is(0x49, 0, true) && instruction.first() == 0) {
        configure(instruction.memory() + instruction.index());
    } else if (instruction.is(0x49, 0, false) && instruction.first() == 0) {
        release();
    } else if (instruction.is(0x49, 3, false)) {
        zero(instruction.first());
    } else if (instruction.is(0x4B, 3, true) && instruction.has_index_byte()) {
        load(instruction.first(), instruction.memory(), instruction.index());
    } else if (instruction.is(0x4B, 2, true) && instruction.has_index_byte()) {
        store(instruction.first(), instruction.memory(), instruction.index());
    } else if (instruction.is(0x5E, 2, false)) {
        multiply_add(instruction.first(), instruction.second(), instruction.third());
    } else {
        return false;
    }
    return true;
}

struct sigaction previous_action;

void on_illegal_instruction(int signal, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const Instruction instruction(registers);
    if (emulate(instruction)) {
        registers[REG_RIP] = instruction.next();
    } else {
        sigaction(signal, &previous_action, nullptr);  // which gets to see it in a moment
    }
}

}  // namespace

bool request_tiles() {
    struct sigaction action = {};
    action.sa_sigaction = on_illegal_instruction;
    action.sa_flags = SA_SIGINFO;
    return sigaction(SIGILL, &action, &previous_action) == 0;
}

}  // namespace tritforge::engine
