// SPDX-License-Identifier: Apache-2.0
//
// What the test benches of units that take rows have in common, and the bench of Shiftmax and
// ShiftGELU: outputs bit for bit, after exactly the documented number of steps.
//
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include "common/bench.hpp"

namespace tritforge_tb {

/// Elements behind the end of the row hold this pattern, which must not matter.
constexpr long long kPadding = 0x55555555;

/// Sends a row in words of several elements.
/// @param first  index of its first element
template <int kBits, int kElements, class Word>
void write_row(const std::vector<long long>& elements, std::size_t first, std::size_t length,
               hls::stream<Word>& words) {
    for (std::size_t start = 0; start < length; start += kElements) {
        Word word = 0;
        for (int lane = 0; lane < kElements; ++lane) {
            const std::size_t index = start + static_cast<std::size_t>(lane);
            word.range(kBits * (lane + 1) - 1, kBits * lane) =
                ap_uint<kBits>(index < length ? elements[first + index] : kPadding);
        }
        words.write(word);
    }
}

/// Compares a row; elements behind its end are 0.
/// @param first  index of its first element
template <class Output, int kBits, int kElements, class Word>
void check_row(const std::vector<long long>& expected, std::size_t first, std::size_t length,
               hls::stream<Word>& outputs, Checker& checker) {
    for (std::size_t start = 0; start < length && !outputs.empty(); start += kElements) {
        const Word word = outputs.read();
        for (int lane = 0; lane < kElements; ++lane) {
            const std::size_t index = start + static_cast<std::size_t>(lane);
            const ap_uint<kBits> bits = word.range(kBits * (lane + 1) - 1, kBits * lane);
            checker.equal("output", first + index, index < length ? expected[first + index] : 0,
                          Output(bits).to_int64());
        }
    }
}

/// Reads one case: a command with its rows, expects the outputs.
/// @tparam Unit    the unit's type
/// @tparam Output  ap_int or ap_uint of one output element
/// @param top      calls the top-level function once
/// @param steps_of  steps of a command, from words of a row and rows
template <class Unit, class Output, class Top, class StepsOf>
void run_rows(VectorFile& file, Checker& checker, Top top, StepsOf steps_of) {
    constexpr int kBits = Unit::kResultBits;
    typename Unit::Command command;
    const std::size_t length = file.count("length");
    const std::size_t rows = file.count("rows");
    command.length = length;
    command.rows = rows;
    command.x0 = file.scalar("x0_magnitude");
    const auto elements = file.list("inputs", rows * length);
    const auto expected = file.list("outputs", rows * length);
    const std::size_t words = (length + Unit::kElements - 1) / Unit::kElements;

    hls::stream<typename Unit::CommandWord> commands("commands");
    hls::stream<typename Unit::InputWord> inputs("inputs");
    hls::stream<typename Unit::OutputWord> outputs("outputs");
    commands.write(command.to_word());
    for (std::size_t row = 0; row < rows; ++row) {
        write_row<Unit::Words::kInputBits, Unit::kElements>(elements, row * length, length, inputs);
    }
    const std::size_t steps = steps_of(words, rows);
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        top(commands, inputs, outputs);
    }
    checker.equal("words before the last documented step", 0, rows * words - 1, outputs.size());
    top(commands, inputs, outputs);
    checker.equal("words after the documented steps", 0, rows * words, outputs.size());
    for (std::size_t row = 0; row < rows; ++row) {
        check_row<Output, kBits, Unit::kElements>(expected, row * length, length, outputs, checker);
    }
    checker.empty("commands left", commands);
    checker.empty("inputs left", inputs);
}

}  // namespace tritforge_tb
