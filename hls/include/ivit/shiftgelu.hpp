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
//                   memory       up to kRowsAtWork rows.
// Formats:          x kInputBits signed; sigma Q0.kShareBits unsigned, below 1; out kResultBits
//                   signed with kShareBits more fraction bits than x.
// Timing:           one pass in (maximum), one pass out, one word per step; in between kOffsetSteps
//                   for exp(-max(x)), sequential. Three rows of a command are at work at once: one
//                   comes in, one has its offset computed, one goes out. Every element needs its
//                   own reciprocal, so each lane has a pipelined divider of kPipelineSteps. Steps
//                   per row of w words: max(w, kOffsetSteps) + 1; from its last word in to its last
//                   word out w + kOffsetSteps + 2 + kPipelineSteps.
// Assumptions:      a word is read back kRamSettleSteps or more after it was written, because the
//                   offset takes that long (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/sequential_divider.hpp"
#include "common/shift_exponential.hpp"
#include "hls_stream.h"
#include "ivit/row_command.hpp"
#include "ivit/row_words.hpp"

namespace tritforge {

/// @tparam Config  ShiftGELU constants of the generated row_units_config.hpp
template <class Config>
struct Shiftgelu {
    using Words = RowWords<Config>;
    using Exponential = ShiftExponential<Config>;
    using Divider = SequentialDivider<Config::kArgumentBits, Exponential::kX0Bits>;
    using Command = ScaledRowCommand<Config>;
    using CommandWord = typename Command::Word;
    using InputWord = typename Words::InputWord;
    using Sum = typename Exponential::Sum;
    /// Two subtractions between registers: half the registers of one, and still a short path.
    using Pipeline = PipelinedDivider<Config::kNumeratorBits, Config::kSumBits, 2>;
    /// One comes in, one has its offset computed, one goes out: a row moves on before the next
    /// comes in.
    static constexpr int kRowsAtWork = 3;
    using Ring = RowRing<InputWord, kRowsAtWork, Words::kWords>;
    using Memory = typename Ring::Memory;
    static constexpr int kElements = Words::kElements;
    static constexpr int kN = Config::kN;
    static constexpr int kNumeratorBits = Config::kNumeratorBits;
    static constexpr int kResultBits = Config::kResultBits;
    using Result = ap_int<kResultBits>;
    using OutputWord = ap_uint<kElements * kResultBits>;

    static constexpr int kPipelineSteps = Pipeline::kSteps;
    /// Argument, division, offset.
    static constexpr int kOffsetSteps = 1 + Divider::kSteps + 1;
    /// From this quotient on, the exponential of a positive argument is at its clamp.
    static constexpr int kPositiveLimit = kNumeratorBits - kN;

    static_assert(kOffsetSteps + 2 >= kRamSettleSteps,
                  "a row could be read before all of it is stored");
    static_assert(Config::kSumBits == kNumeratorBits, "the offset alone reaches the clamp");
    static_assert(kResultBits == Config::kInputBits + Exponential::kShareBits,
                  "the product of x and sigma would be cut");
    static_assert((Exponential::kNumerator / 2) >> Config::kFactorBits == 0,
                  "the factor of the smallest sum, 2, would be cut");
    static_assert(kPositiveLimit >= 1, "n leaves no room for an exponential above 1");

    enum OffsetPhase { kFree, kArgument, kDivide, kOffset, kDone };

    /// The row that comes in.
    struct Collector {
        typename Command::Rows rows_left;
        typename Words::Length elements_left;
        typename Memory::Address address;
        typename Words::Input maximum;
        bool complete;
    };

    /// The row between.
    struct Offset {
        ap_uint<3> phase;
        typename Words::Input maximum;
        bool positive;  // argument, because the maximum is below 0
        typename Divider::State division;
        Sum value;
    };

    /// The row whose elements enter the pipelines.
    struct Feeder {
        bool busy;
        typename Words::Length elements_left;
        typename Memory::Address address;
        typename Words::Input maximum;
        Sum offset;
    };

    /// An element whose reciprocal is on its way.
    struct Element {
        typename Words::Input x;
        typename Exponential::Exponential exponential;
    };

    /// All zero is the idle state.
    struct State {
        bool busy;
        Command command;  // its rows are those whose results are still to come
        typename Exponential::Limit limit;
        Collector collector;
        Offset offset;
        Feeder feeder;
        typename Pipeline::Stage pipelines[kElements][Pipeline::kSteps];
        Element elements[kElements][Pipeline::kSteps];
        ap_uint<Pipeline::kSteps> in_use;  // stages, the first one in the low bit
        typename Words::Length results_left;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<InputWord>& inputs, hls::stream<OutputWord>& outputs,
                     Memory& memory) {
#pragma HLS INLINE
        if (!state.busy) {
            start(state, Command::from_word(commands.read()));
        } else {
            // Against the flow, so that a row moves on in the step in which its place gets free.
            activate(state, outputs, memory);
            work(state.offset, state);
            collect(state, inputs, memory);
        }
    }

  private:
    using Magnitude = typename Exponential::Magnitude;

    static void start(State& state, const Command& command) {
#pragma HLS INLINE
        state.busy = true;
        state.command = command;
        state.limit = Exponential::limit_of(command.x0);
        state.collector.rows_left = command.rows;
        state.feeder.elements_left = command.length;
        state.results_left = command.length;
        start_collector(state);
    }

    static void start_collector(State& state) {
#pragma HLS INLINE
        state.collector.elements_left = state.command.length;
        state.collector.maximum = 1LL << (Config::kInputBits - 1);  // wraps to the smallest number
        state.collector.complete = false;
    }

    /// Stores the next word of the row that comes in, or hands the row over.
    static void collect(State& state, hls::stream<InputWord>& inputs, Memory& memory) {
#pragma HLS INLINE
        Collector& row = state.collector;
        if (row.complete) {
            if (state.offset.phase == kFree) {
                state.offset.maximum = row.maximum;
                state.offset.phase = kArgument;
                start_collector(state);
            }
        } else if (row.rows_left != 0) {
            const InputWord word = inputs.read();
            memory.write(row.address, word);
            row.address = Ring::behind(row.address);
            row.maximum = Words::maximum(word, row.elements_left, row.maximum);
            if (row.elements_left <= kElements) {
                row.complete = true;
                row.rows_left = row.rows_left - 1;
            }
            row.elements_left = Words::behind_word(row.elements_left);
        }
    }

    static void work(Offset& offset, const State& state) {
#pragma HLS INLINE
        if (offset.phase == kArgument) {
            start_offset(offset, state);
            offset.phase = kDivide;
        } else if (offset.phase == kDivide) {
            if (Divider::step(offset.division)) {
                offset.phase = kOffset;
            }
        } else if (offset.phase == kOffset) {
            offset.value = offset_of(offset, state.command.x0);
            offset.phase = kDone;
        }
    }

    /// The argument -maximum may have either sign; each has its own limit.
    static void start_offset(Offset& offset, const State& state) {
#pragma HLS INLINE
        const typename Exponential::Argument argument = Exponential::argument_of(-offset.maximum);
        offset.positive = argument > 0;
        const Magnitude magnitude = offset.positive ? Magnitude(argument) : Magnitude(-argument);
        const ap_uint<Exponential::kX0Bits + bits_for(kPositiveLimit)> positive_limit =
            state.command.x0 * ap_uint<bits_for(kPositiveLimit)>(kPositiveLimit);
        Magnitude limited = magnitude;
        if (offset.positive && magnitude > positive_limit) {
            limited = positive_limit;
        }
        if (!offset.positive && magnitude > state.limit) {
            limited = state.limit;
        }
        Divider::start(offset.division, limited, state.command.x0);
    }

    /// exp = floor((r / 2 - x0) * 2**(n - q)), q and r by floor division of the signed argument.
    static Sum offset_of(const Offset& offset, const typename Exponential::X0& x0) {
#pragma HLS INLINE
        using Mantissa = typename Exponential::Mantissa;
        // mantissa <= 2 |x0| and shift <= kNumeratorBits: at most kNumeratorBits more bits.
        using Wide = ap_uint<Config::kMantissaBits + kNumeratorBits>;
        const Mantissa twice = Mantissa(x0) << 1;
        const Mantissa remainder = offset.division.remainder;
        Mantissa mantissa = twice - remainder;
        ap_uint<bits_for(kNumeratorBits)> shift = kN - offset.division.quotient;
        if (offset.positive) {
            // floor(-m / |x0|) = -ceil(m / |x0|); what is left over is |x0| - remainder.
            const bool exact = remainder == 0;
            mantissa = exact ? twice : Mantissa(x0 + remainder);
            shift = kN + offset.division.quotient + ap_uint<1>(!exact);
        }
        return Exponential::clamp(Wide((Wide(mantissa) << shift) >> 1));
    }

    /// One word enters the pipelines, if there is one, and one leaves them. Behind its last word a
    /// row makes room for the next one.
    static void activate(State& state, hls::stream<OutputWord>& outputs, Memory& memory) {
#pragma HLS INLINE
        Feeder& row = state.feeder;
        const bool enters = row.busy;
        InputWord word = 0;
        if (enters) {
            word = memory.read(row.address);
            row.address = Ring::behind(row.address);
        }
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const Result result = result_of(state, Words::element(word, lane), lane);
            if (lane < state.results_left) {
                output.range(kResultBits * (lane + 1) - 1, kResultBits * lane) =
                    ap_uint<kResultBits>(result);
            }
        }
        if (state.in_use[Pipeline::kSteps - 1]) {
            outputs.write(output);
            finish_word(state);
        }
        state.in_use = (state.in_use << 1) | ap_uint<1>(enters);
        if (enters) {
            const bool last = row.elements_left <= kElements;
            row.elements_left = last ? state.command.length : Words::behind_word(row.elements_left);
            if (last) {
                row.busy = false;
            }
        }
        if (!row.busy && state.offset.phase == kDone) {
            row.maximum = state.offset.maximum;
            row.offset = state.offset.value;
            row.busy = true;
            state.offset.phase = kFree;
        }
    }

    /// Counts the results of a row, and the rows of the command.
    static void finish_word(State& state) {
#pragma HLS INLINE
        const bool last = state.results_left <= kElements;
        state.results_left = last ? state.command.length : Words::behind_word(state.results_left);
        if (last) {
            state.busy = state.command.rows != 1;
            state.command.rows = state.command.rows - 1;
        }
    }

    /// An element enters the pipeline of its lane; the result of the one that leaves it.
    static Result result_of(State& state, const typename Words::Input& x, int lane) {
#pragma HLS INLINE
        Element entering;
        entering.x = x;
        const typename Exponential::Difference difference = x - state.feeder.maximum;
        entering.exponential =
            Exponential::exponential_of(difference, state.command.x0, state.limit);
        const Sum sum = Exponential::clamp(
            ap_uint<kNumeratorBits + 1>(state.feeder.offset + entering.exponential.value()));
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
