// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic unit with a case for each operation and flags.
#include <stdint.h>

#include "ap_int.h"
#include "hls_stream.h"

struct Operation {
    uint8_t code;
    int32_t a, b;
};

extern "C" void alu(hls::stream<Operation>& operations, hls::stream<int32_t>& results, bool& zero) {
    static bool was_zero = false;
    const Operation op = operations.read();
    const uint32_t a = op.a, b = op.b;
    uint32_t result = 0;
    switch (op.code & 15) {
        case 0:
            result = a + b;
            break;
        case 1:
            result = a - b;
            break;
        case 2:
            result = a & b;
            break;
        case 3:
            result = a | b;
            break;
        case 4:
            result = a ^ b;
            break;
        case 5:
            result = a << (b & 31);
            break;
        case 6:
            result = a >> (b & 31);
            break;
        case 7:
            result = uint32_t(op.a >> (b & 31));
            break;
        case 8:
            result = op.a < op.b;
            break;
        case 9:
            result = a < b;
            break;
        case 10:
            result = uint32_t(int64_t(op.a) * op.b >> 32);
            break;
        default:
            result = a * b;
    }
    was_zero = result == 0;
    zero = was_zero;
    results.write(int32_t(result));
}
