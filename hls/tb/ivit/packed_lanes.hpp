// SPDX-License-Identifier: Apache-2.0
//
// Words that hold a number per lane, the first one in the low bits.
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <cstddef>
#include <vector>

#include "common/bench.hpp"

namespace tritforge_tb {

/// Writes numbers as words of `kLanes` numbers of `kBits` bits each.
template <int kLanes, int kBits>
void write_lanes(const std::vector<long long>& values,
                 hls::stream<ap_uint<kLanes * kBits>>& stream) {
    for (std::size_t first = 0; first < values.size(); first += kLanes) {
        ap_uint<kLanes * kBits> word = 0;
        for (int lane = 0; lane < kLanes; ++lane) {
            word.range(kBits * (lane + 1) - 1, kBits * lane) =
                ap_uint<kBits>(values[first + static_cast<std::size_t>(lane)]);
        }
        stream.write(word);
    }
}

/// Compares and empties a stream of words of `kLanes` signed numbers of `kBits` bits each.
template <int kLanes, int kBits>
void check_lanes(const char* what, const std::vector<long long>& expected,
                 hls::stream<ap_uint<kLanes * kBits>>& stream, Checker& checker) {
    checker.equal("number of words", 0, static_cast<long long>(expected.size() / kLanes),
                  static_cast<long long>(stream.size()));
    for (std::size_t index = 0; !stream.empty(); index += kLanes) {
        const ap_uint<kLanes * kBits> word = stream.read();
        for (int lane = 0; lane < kLanes; ++lane) {
            const std::size_t place = index + static_cast<std::size_t>(lane);
            const ap_uint<kBits> bits = word.range(kBits * (lane + 1) - 1, kBits * lane);
            if (place < expected.size()) {
                checker.equal(what, place, expected[place], ap_int<kBits>(bits).to_int64());
            }
        }
    }
}

}  // namespace tritforge_tb
