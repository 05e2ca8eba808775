// SPDX-License-Identifier: Apache-2.0
//
// Words of codes: five columns of every lane, as lists of numbers and back.
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <cstddef>
#include <vector>

#include "ap_int.h"

namespace tritforge_tb {

constexpr int kCodeBits = 8;

/// Codes of a word.
template <class Group>
constexpr std::size_t kCodesOf = Group::width / kCodeBits;

/// Word number `index` of a list of codes.
template <class Group>
Group code_group(const std::vector<long long>& codes, std::size_t index) {
    Group word = 0;
    for (std::size_t slot = 0; slot < kCodesOf<Group>; ++slot) {
        const int low = kCodeBits * static_cast<int>(slot);
        word.range(low + kCodeBits - 1, low) =
            ap_uint<kCodeBits>(codes[index * kCodesOf<Group> + slot]);
    }
    return word;
}

template <class Group>
int code_of(const Group& word, std::size_t slot) {
    const int low = kCodeBits * static_cast<int>(slot);
    const ap_uint<kCodeBits> bits = word.range(low + kCodeBits - 1, low);
    return ap_int<kCodeBits>(bits).to_int();
}

}  // namespace tritforge_tb
