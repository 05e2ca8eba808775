// SPDX-License-Identifier: Apache-2.0
//
// Test bench of a unit that takes rows (Shiftmax, ShiftGELU): outputs bit for bit, after exactly
// the documented number of steps.
//
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include "common/bench.hpp"

namespace tritforge_tb {

/// Elements behind the end of the row hold this pattern, which must not matter.
constexpr long long kPadding = 0x5555;

template <class Unit>
typename Unit::InputWord input_word(const std::vector<long long>& row, std::size_t word) {
    constexpr int kBits = Unit::Row::kInputBits;
    typename Unit::InputWord packed = 0;
    for (int lane = 0; lane < Unit::kElements; ++lane) {
        const std::size_t index = word * Unit::kElements + static_cast<std::size_t>(lane);
        packed.range(kBits * (lane + 1) - 1, kBits * lane) =
            ap_uint<kBits>(index < row.size() ? row[index] : kPadding);
    }
    return packed;
}

/// Reads one case: length, x0 and the row, expects the outputs.
/// @tparam Unit    the unit's type
/// @tparam Output  ap_int or ap_uint of one output element
/// @param top      calls the top-level function once
template <class Unit, class Output, class Top>
void run_row(VectorFile& file, Checker& checker, Top top) {
    constexpr int kBits = Unit::kResultBits;
    const std::size_t length = file.count("length");
    typename Unit::Header header;
    header.length = length;
    header.x0 = file.scalar("x0_magnitude");
    const auto row = file.list("inputs", length);
    const auto expected = file.list("outputs", length);
    const std::size_t words = (length + Unit::kElements - 1) / Unit::kElements;

    hls::stream<typename Unit::HeaderWord> headers("headers");
    hls::stream<typename Unit::InputWord> inputs("inputs");
    hls::stream<typename Unit::OutputWord> outputs("outputs");
    headers.write(header.to_word());
    for (std::size_t word = 0; word < words; ++word) {
        inputs.write(input_word<Unit>(row, word));
    }
    for (std::size_t step = 0; step < Unit::kPasses * words + Unit::kFixedSteps; ++step) {
        top(headers, inputs, outputs);
    }
    checker.equal("words after the documented steps", 0, words, outputs.size());
    for (std::size_t word = 0; word < words && !outputs.empty(); ++word) {
        const typename Unit::OutputWord packed = outputs.read();
        for (int lane = 0; lane < Unit::kElements; ++lane) {
            const std::size_t index = word * Unit::kElements + static_cast<std::size_t>(lane);
            const ap_uint<kBits> bits = packed.range(kBits * (lane + 1) - 1, kBits * lane);
            checker.equal("output", index, index < length ? expected[index] : 0,
                          Output(bits).to_int64());
        }
    }
    checker.empty("headers left", headers);
    checker.empty("inputs left", inputs);
}

}  // namespace tritforge_tb
