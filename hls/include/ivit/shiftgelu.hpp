// SPDX-License-Identifier: Apache-2.0
//
// ShiftGELU: integer GELU of I-ViT, x * sigmoid(1.702 x), arXiv 2207.01405, section 3.3.
//
// What it computes: exp_i = shift exponential of x_i - max(x);
//                   offset = shift exponential of -max(x), at most 2**31 - 1;
//                   factor_i = floor((2**31 - 1) / min(exp_i + offset, 2**31 - 1));
//                   sigma_i = floor(exp_i * factor_i / 2**(32 - output bits));
//                   out_i = x_i * sigma_i. Golden model: tritforge/ivit/golden/shiftgelu.py.
// Interface:        commands in  length, rows and |x0|, x0 = floor(-1 / (1.702 scale));
//                   inputs in    the rows, kElements elements per word;
//                   outputs out  the rows, kElements elements per word, 0 behind the end;
//                   memory       the row.
// Formats:          x kInputBits signed; sigma Q0.kShareBits unsigned, below 1; out kResultBits
//                   signed with kShareBits more fraction bits than x.
// Timing:           two passes over the row, one word per step: maximum, outputs. Every element
//                   needs its own reciprocal, so each lane has a pipelined divider. Steps of a row
//                   of w words: 2 w + kFixedSteps, the pipeline's length included; a command
//                   takes one more.
// Assumptions:      a word is read back kRamSettleSteps or more after it was written, because the
//                   division for the offset takes that long (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/sequential_divider.hpp"
#include "common/shift_exponential.hpp"
#include "hls_stream.h"
#include "ivit/row_unit.hpp"

namespace tritforge {

/// @tparam Config  ShiftGELU constants of the generated row_units_config.hpp
template <class Config>
struct Shiftgelu {
    using Row = RowUnit<Config>;
    using Exponential = ShiftExponential<Config>;
    using Divider = SequentialDivider<Config::kArgumentBits, Exponential::kX0Bits>;
    using Command = typename Row::Command;
    using CommandWord = typename Command::Word;
    using InputWord = typename Row::InputWord;
    using Memory = typename Row::Memory;
    using Sum = typename Exponential::Sum;
    /// Two subtractions between registers: half the registers of one, and still a short path.
    using Pipeline = PipelinedDivider<Config::kNumeratorBits, Config::kSumBits, 2>;
    static constexpr int kElements = Row::kElements;
    static constexpr int kN = Config::kN;
    static constexpr int kNumeratorBits = Config::kNumeratorBits;
    static constexpr int kResultBits = Config::kResultBits;
    using Result = ap_int<kResultBits>;
    using OutputWord = ap_uint<kElements * kResultBits>;

    static constexpr int kPasses = 2;
    /// Argument of the offset, division, offset, way through the pipeline.
    static constexpr int kFixedSteps = 1 + Divider::kSteps + 1 + Pipeline::kSteps;
    /// From this quotient on, the exponential of a positive argument is at its clamp.
    static constexpr int kPositiveLimit = kNumeratorBits - kN;

    static_assert(Divider::kSteps + 3 >= kRamSettleSteps,
                  "the second pass could read the row before the first has stored it");
    static_assert(Config::kSumBits == kNumeratorBits, "the offset alone reaches the clamp");
    static_assert(kResultBits == Config::kInputBits + Exponential::kShareBits,
                  "the product of x and sigma would be cut");
    static_assert((Exponential::kNumerator / 2) >> Config::kFactorBits == 0,
                  "the factor of the smallest sum, 2, would be cut");
    static_assert(kPositiveLimit >= 1, "n leaves no room for an exponential above 1");

    enum Phase { kIdle, kMaximum, kArgument, kDivide, kOffset, kOutput };

    /// An element whose reciprocal is on its way.
    struct Element {
        typename Row::Input x;
        typename Exponential::Exponential exponential;
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<3> phase;
        typename Row::State row;
        bool positive;  // argument of the offset, because the maximum is below 0
        typename Divider::State division;
        Sum offset;
        typename Pipeline::Stage pipelines[kElements][Pipeline::kSteps];
        Element elements[kElements][Pipeline::kSteps];
        ap_uint<bits_for(Pipeline::kSteps)> words_in_pipeline;
        typename Row::Length results_left;
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
                state.phase = kArgument;
            }
        } else if (state.phase == kArgument) {
            start_offset(state);
            state.phase = kDivide;
        } else if (state.phase == kDivide) {
            if (Divider::step(state.division)) {
                state.phase = kOffset;
            }
        } else if (state.phase == kOffset) {
            state.offset = offset_of(state);
            state.words_in_pipeline = 0;
            state.results_left = state.row.command.length;
            state.phase = kOutput;
        } else {
            activate(state, outputs, memory);
        }
    }

  private:
    using Magnitude = typename Exponential::Magnitude;

    /// The argument -maximum may have either sign; each has its own limit.
    static void start_offset(State& state) {
#pragma HLS INLINE
        const typename Exponential::Argument argument =
            Exponential::argument_of(-state.row.maximum);
        state.positive = argument > 0;
        const Magnitude magnitude = state.positive ? Magnitude(argument) : Magnitude(-argument);
        const ap_uint<Exponential::kX0Bits + bits_for(kPositiveLimit)> positive_limit =
            state.row.command.x0 * ap_uint<bits_for(kPositiveLimit)>(kPositiveLimit);
        Magnitude limited = magnitude;
        if (state.positive && magnitude > positive_limit) {
            limited = positive_limit;
        }
        if (!state.positive && magnitude > state.row.limit) {
            limited = state.row.limit;
        }
        Divider::start(state.division, limited, state.row.command.x0);
    }

    /// exp = floor((r / 2 - x0) * 2**(n - q)), q and r by floor division of the signed argument.
    static Sum offset_of(const State& state) {
#pragma HLS INLINE
        using Mantissa = typename Exponential::Mantissa;
        // mantissa <= 2 |x0| and shift <= kNumeratorBits: at most kNumeratorBits more bits.
        using Wide = ap_uint<Config::kMantissaBits + kNumeratorBits>;
        const Mantissa twice = Mantissa(state.row.command.x0) << 1;
        const Mantissa remainder = state.division.remainder;
        Mantissa mantissa = twice - remainder;
        ap_uint<bits_for(kNumeratorBits)> shift = kN - state.division.quotient;
        if (state.positive) {
            // floor(-m / |x0|) = -ceil(m / |x0|); what is left over is |x0| - remainder.
            const bool exact = remainder == 0;
            mantissa = exact ? twice : Mantissa(state.row.command.x0 + remainder);
            shift = kN + state.division.quotient + ap_uint<1>(!exact);
        }
        return Exponential::clamp(Wide((Wide(mantissa) << shift) >> 1));
    }

    /// One word enters the pipeline, one leaves it. Behind the row's last word the row enters
    /// again, until its results are out: nobody reads what that gives.
    static void activate(State& state, hls::stream<OutputWord>& outputs, Memory& memory) {
#pragma HLS INLINE
        const InputWord word = memory.read(state.row.word);
        Row::advance(state.row);
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const Result result = result_of(state, Row::element(word, lane), lane);
            if (lane < state.results_left) {
                output.range(kResultBits * (lane + 1) - 1, kResultBits * lane) =
                    ap_uint<kResultBits>(result);
            }
        }
        if (state.words_in_pipeline != Pipeline::kSteps) {
            state.words_in_pipeline = state.words_in_pipeline + 1;
        } else {
            outputs.write(output);
            if (state.results_left <= kElements) {
                state.phase = Row::next_row(state.row) ? kMaximum : kIdle;
            }
            state.results_left = Row::behind_word(state.results_left);
        }
    }

    /// An element enters the pipeline of its lane; the result of the one that leaves it.
    static Result result_of(State& state, const typename Row::Input& x, int lane) {
#pragma HLS INLINE
        Element entering;
        entering.x = x;
        entering.exponential = Row::exponential_of(state.row, x);
        const Sum sum = Exponential::clamp(
            ap_uint<kNumeratorBits + 1>(state.offset + entering.exponential.value()));
        const typename Exponential::Factor factor =
            Pipeline::step(state.pipelines[lane], Exponential::kNumerator, sum);
        const Element leaving = state.elements[lane][Pipeline::kSteps - 1];
    elements:
        for (int stage = Pipeline::kSteps - 1; stage > 0; --stage) {
#pragma HLS UNROLL
            state.elements[lane][stage] = state.elements[lane][stage - 1];
        }
        state.elements[lane][0] = entering;
        return leaving.x * Exponential::share_of(leaving.exponential, factor);
    }
};

}  // namespace tritforge
