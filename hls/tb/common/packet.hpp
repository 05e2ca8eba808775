// SPDX-License-Identifier: Apache-2.0
//
// Packets of 64-bit words: written with their mark at a given word, compared with theirs at the
// last one.
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <cstddef>
#include <vector>

#include "common/bench.hpp"
#include "common/stream_word.hpp"

namespace tritforge_tb {

/// @param data  64-bit words as signed numbers; the last one carries the mark
inline void write_packet(const std::vector<long long>& data,
                         hls::stream<tritforge::StreamWord>& words) {
    for (std::size_t index = 0; index < data.size(); ++index) {
        words.write(
            tritforge::stream_word(tritforge::StreamData(data[index]), index + 1 == data.size()));
    }
}

/// Compares and empties a stream that holds one packet.
/// @param halves  signed low and high half of every word
inline void check_packet(const char* what, const std::vector<long long>& halves,
                         hls::stream<tritforge::StreamWord>& words, Checker& checker) {
    const std::size_t count = halves.size() / 2;
    checker.equal("words of the packet", 0, static_cast<long long>(count),
                  static_cast<long long>(words.size()));
    for (std::size_t index = 0; index < count && !words.empty(); ++index) {
        const tritforge::StreamWord word = words.read();
        const ap_uint<32> low = word.range(31, 0);
        const ap_uint<32> high = word.range(63, 32);
        checker.equal(what, 2 * index, halves[2 * index], ap_int<32>(low).to_int64());
        checker.equal(what, 2 * index + 1, halves[2 * index + 1], ap_int<32>(high).to_int64());
        checker.equal("mark of the last word", index, index + 1 == count,
                      static_cast<bool>(word[tritforge::kStreamBits]));
    }
}

}  // namespace tritforge_tb
