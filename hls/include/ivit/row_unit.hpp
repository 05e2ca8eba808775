// SPDX-License-Identifier: Apache-2.0
//
// What Shiftmax and ShiftGELU share: header and words of a row, and the row's maximum.
//
// What it computes: maximum of the elements in use; bookkeeping of the words of a row.
// Interface:        header word (length, |x0|); a row travels in words of kElements elements, from
//                   the low bits up; elements behind the end of the row may hold anything going in
//                   and are 0 coming out.
// Formats:          length 1..kRow, |x0| 1..kLargestX0, elements kInputBits signed.
// Timing:           one word per step.
// Assumptions:      none beyond those of shift_exponential.hpp.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/shift_exponential.hpp"

namespace tritforge {

/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct RowUnit {
    using Shift = ShiftExponential<Config>;
    static constexpr int kElements = Config::kElements;
    static constexpr int kWords = groups_of(Config::kRow, kElements);
    static constexpr int kInputBits = Config::kInputBits;

    using Length = ap_uint<bits_for(Config::kRow)>;
    using Input = typename Shift::Input;
    using InputWord = ap_uint<kElements * kInputBits>;
    using Memory = Ram<InputWord, kWords>;
    using HeaderWord = ap_uint<Length::width + Shift::kX0Bits>;

    struct Header {
        Length length;
        typename Shift::X0 x0;

        HeaderWord to_word() const {
            HeaderWord word = 0;
            word.range(Length::width - 1, 0) = length;
            word.range(HeaderWord::width - 1, Length::width) = x0;
            return word;
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            header.length = word.range(Length::width - 1, 0);
            header.x0 = word.range(HeaderWord::width - 1, Length::width);
            return header;
        }
    };

    /// The row at work.
    struct State {
        Header header;
        typename Shift::Limit limit;
        Length elements_left;
        typename Memory::Address word;
        Input maximum;
    };

    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.header = header;
        state.limit = Shift::limit_of(header.x0);
        state.elements_left = header.length;
        state.word = 0;
        state.maximum = 1LL << (kInputBits - 1);  // wraps to the smallest number
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
        state.elements_left = last ? state.header.length : behind_word(state.elements_left);
        state.word = last ? typename Memory::Address(0) : typename Memory::Address(state.word + 1);
        return last;
    }

    /// exp((x - maximum) * scale); for elements out of use a number without meaning.
    static typename Shift::Exponential exponential_of(const State& state, const Input& x) {
#pragma HLS INLINE
        const typename Shift::Difference difference = x - state.maximum;
        return Shift::exponential_of(difference, state.header.x0, state.limit);
    }
};

}  // namespace tritforge
