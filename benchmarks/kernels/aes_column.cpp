// SPDX-License-Identifier: Apache-2.0
//
// SubBytes and MixColumns of one column of AES: a table of 256 and doubling in GF(2^8).
#include <stdint.h>

#include "ap_int.h"

namespace {

constexpr uint8_t doubled(uint8_t x) { return uint8_t(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }

constexpr uint8_t times(uint8_t a, uint8_t b) {
    uint8_t product = 0;
    for (int i = 0; i < 8; ++i) {
        if (b >> i & 1) product ^= a;
        a = doubled(a);
    }
    return product;
}

struct Table {
    uint8_t box[256];
    constexpr Table() : box{} {
        for (int x = 0; x < 256; ++x) {
            uint8_t inverse = 1;
            for (int i = 0; i < 254; ++i) inverse = times(inverse, uint8_t(x));
            uint8_t y = 0x63;
            for (int turn = 0; turn < 5; ++turn)
                y ^= uint8_t(inverse << turn | inverse >> (8 - turn));
            box[x] = y;
        }
    }
};

constexpr Table kTable;
static_assert(kTable.box[0] == 0x63 && kTable.box[0x53] == 0xed, "FIPS 197, section 5.1.1");

}  // namespace

extern "C" void aes_column(const ap_uint<32>& column, ap_uint<32>& mixed) {
    uint8_t s[4];
    for (int i = 0; i < 4; ++i) s[i] = kTable.box[column.range(8 * i + 7, 8 * i).to_uint()];
    ap_uint<32> result;
    for (int i = 0; i < 4; ++i) {
        const uint8_t next = s[(i + 1) % 4];
        result.range(8 * i + 7, 8 * i) =
            doubled(s[i]) ^ doubled(next) ^ next ^ s[(i + 2) % 4] ^ s[(i + 3) % 4];
    }
    mixed = result;
}
