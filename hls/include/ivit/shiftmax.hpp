// SPDX-License-Identifier: Apache-2.0
//
// Shiftmax: integer softmax of I-ViT, arXiv 2207.01405, section 3.3.
//
// What it computes: exp_i = shift exponential of x_i - max(x);
//                   factor = floor((2**31 - 1) / min(sum(exp), 2**31 - 1));
//                   out_i = floor(exp_i * factor / 2**(32 - output bits)).
//                   Golden model: tritforge/ivit/golden/shiftmax.py.
// Interface:        commands in  length, rows and |x0|, x0 = floor(-1 / scale);
//                   inputs in    the rows, kElements elements per word;
//                   outputs out  the rows, kElements elements per word, 0 behind the end;
//                   memory       the row.
// Formats:          x kInputBits signed; out Q0.kShareBits unsigned, below 1; sum, factor and
//                   mantissa as in shift_exponential.hpp.
// Timing:           three passes over the row, one word per step: maximum, sum, outputs.
//                   Exponentials are computed twice by the same circuit instead of stored. Steps of
//                   a row of w words: 3 w + kFixedSteps; a command takes one more.
// Assumptions:      a word is read back kRamSettleSteps or more after it was written: the unit
//                   waits that long between the first two passes.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/sequential_divider.hpp"
#include "common/shift_exponential.hpp"
#include "hls_stream.h"
#include "ivit/row_unit.hpp"

namespace tritforge {

/// @tparam Config  Shiftmax constants of the generated row_units_config.hpp
template <class Config>
struct Shiftmax {
    using Row = RowUnit<Config>;
    using Exponential = ShiftExponential<Config>;
    using Divider = SequentialDivider<Config::kNumeratorBits, Config::kSumBits>;
    using Command = typename Row::Command;
    using CommandWord = typename Command::Word;
    using InputWord = typename Row::InputWord;
    using Memory = typename Row::Memory;
    static constexpr int kElements = Row::kElements;
    static constexpr int kResultBits = Config::kResultBits;
    using OutputWord = ap_uint<kElements * kResultBits>;

    /// The word written last is one step old when the wait begins.
    static constexpr int kSettleSteps = kRamSettleSteps - 1;
    static constexpr int kPasses = 3;
    /// Wait and division.
    static constexpr int kFixedSteps = kSettleSteps + Divider::kSteps;

    static_assert(kResultBits == Exponential::kShareBits, "the output is the share itself");
    static_assert((Exponential::kNumerator >> Config::kN) >> Config::kFactorBits == 0,
                  "the factor of a row of one element would be cut");

    enum Phase { kIdle, kMaximum, kSettle, kSum, kDivide, kOutput };

    /// All zero is the idle state.
    struct State {
        ap_uint<3> phase;
        typename Row::State row;
        ap_uint<bits_for(kSettleSteps)> settled;
        typename Exponential::Sum sum;
        typename Divider::State division;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<InputWord>& inputs, hls::stream<OutputWord>& outputs,
                     Memory& memory) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            Row::start(state.row, Command::from_word(commands.read()));
            state.phase = kMaximum;
        } else if (state.phase == kMaximum) {
            Row::measure(state.row, inputs.read(), memory);
            if (Row::advance(state.row)) {
                state.settled = 0;
                state.sum = 0;
                state.phase = kSettle;
            }
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                state.phase = kSum;
            }
        } else if (state.phase == kDivide) {
            if (Divider::step(state.division)) {
                state.phase = kOutput;
            }
        } else {
            exponentiate(state, outputs, memory);
        }
    }

  private:
    /// Second and third pass: the exponentials are added up, then multiplied by the factor.
    static void exponentiate(State& state, hls::stream<OutputWord>& outputs, Memory& memory) {
#pragma HLS INLINE
        const InputWord word = memory.read(state.row.word);
        ap_uint<Config::kExponentialBits + bits_for(kElements)> word_sum = 0;
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            if (Row::in_use(state.row, lane)) {
                const typename Exponential::Exponential exponential =
                    Row::exponential_of(state.row, Row::element(word, lane));
                word_sum = word_sum + exponential.value();
                output.range(kResultBits * (lane + 1) - 1, kResultBits * lane) =
                    Exponential::share_of(exponential,
                                          typename Exponential::Factor(state.division.quotient));
            }
        }
        const bool last = Row::advance(state.row);
        if (state.phase == kSum) {
            state.sum = Exponential::clamp(state.sum + word_sum);
        } else {
            outputs.write(output);
        }
        if (last) {
            if (state.phase == kSum) {
                Divider::start(state.division, Exponential::kNumerator, state.sum);
                state.phase = kDivide;
            } else {
                state.phase = Row::next_row(state.row) ? kMaximum : kIdle;
            }
        }
    }
};

}  // namespace tritforge
