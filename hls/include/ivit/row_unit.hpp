// SPDX-License-Identifier: Apache-2.0
//
// What Shiftmax and ShiftGELU share: words of a row, and the row's maximum.
//
// What it computes: maximum of the elements in use; bookkeeping of the words of a row.
// Interface:        a command gives length and scale of so many rows (row_command.hpp); a row
//                   travels in words of kElements elements, from the low bits up; elements behind
//                   the end of the row may hold anything going in and are 0 coming out.
// Formats:          elements kInputBits signed.
// Timing:           one word per step.
// Assumptions:      none beyond those of shift_exponential.hpp.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/shift_exponential.hpp"
#include "ivit/row_command.hpp"

namespace tritforge {

/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct RowUnit {
    using Shift = ShiftExponential<Config>;
    static constexpr int kElements = Config::kElements;
    static constexpr int kWords = groups_of(Config::kRow, kElements);
    static constexpr int kInputBits = Config::kInputBits;

    using Command = ScaledRowCommand<Config>;
    using Length = typename Command::Length;
    using Input = typename Shift::Input;
    using InputWord = ap_uint<kElements * kInputBits>;
    using Memory = Ram<InputWord, kWords>;

    /// The row at work; `command.rows` counts it and those behind it.
    struct State {
        Command command;
        typename Shift::Limit limit;
        Length elements_left;
        typename Memory::Address word;
        Input maximum;
    };

    static void start(State& state, const Command& command) {
#pragma HLS INLINE
        state.command = command;
        state.limit = Shift::limit_of(command.x0);
        start_row(state);
    }

    /// Goes to the next row of the command; false behind the last one.
    static bool next_row(State& state) {
#pragma HLS INLINE
        const bool more = state.command.rows != 1;
        state.command.rows = state.command.rows - 1;
        start_row(state);
        return more;
    }

    /// Whether a lane of the current word holds an element of the row.
    static bool in_use(const State& state, int lane) {
#pragma HLS INLINE
        return lane < state.elements_left;
    }

    /// What is left behind a word of a row.
    static Length behind_word(const Length& elements_left) {
#pragma HLS INLINE
        return elements_left - ap_uint<bits_for(kElements)>(kElements);
    }

    static Input element(const InputWord& word, int lane) {
#pragma HLS INLINE
        const ap_uint<kInputBits> bits = word.range(kInputBits * (lane + 1) - 1, kInputBits * lane);
        return bits;
    }

    /// First pass: stores a word and looks for the maximum.
    static void measure(State& state, const InputWord& word, Memory& memory) {
#pragma HLS INLINE
        memory.write(state.word, word);
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const Input x = element(word, lane);
            if (in_use(state, lane) && x > state.maximum) {
                state.maximum = x;
            }
        }
    }

    /// Goes to the next word; true behind the last one, when the row starts over.
    static bool advance(State& state) {
#pragma HLS INLINE
        const bool last = state.elements_left <= kElements;
        state.elements_left = last ? state.command.length : behind_word(state.elements_left);
        state.word = last ? typename Memory::Address(0) : typename Memory::Address(state.word + 1);
        return last;
    }

    /// exp((x - maximum) * scale); for elements out of use a number without meaning.
    static typename Shift::Exponential exponential_of(const State& state, const Input& x) {
#pragma HLS INLINE
        const typename Shift::Difference difference = x - state.maximum;
        return Shift::exponential_of(difference, state.command.x0, state.limit);
    }

  private:
    static void start_row(State& state) {
#pragma HLS INLINE
        state.elements_left = state.command.length;
        state.word = 0;
        state.maximum = 1LL << (kInputBits - 1);  // wraps to the smallest number
    }
};

}  // namespace tritforge
