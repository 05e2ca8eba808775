// SPDX-License-Identifier: Apache-2.0
//
// Bits of a counter, derived from the largest value it must hold. Compile time only, no hardware.
#pragma once

namespace tritforge {

/// Bits of an unsigned number that reaches `largest`; at least one.
constexpr int bits_for(long long largest) {
    int bits = 1;
    while ((largest >> bits) != 0) {
        ++bits;
    }
    return bits;
}

/// Smallest whole number of groups of `size` that hold `count` items.
constexpr int groups_of(int count, int size) { return (count + size - 1) / size; }

}  // namespace tritforge
