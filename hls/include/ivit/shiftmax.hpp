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
//                   memory       the elements of the rows in their first two passes;
//                   exponentials the exponentials of the rows behind the first pass.
// Formats:          x kInputBits signed; out Q0.kShareBits unsigned, below 1; sum, factor and
//                   mantissa as in shift_exponential.hpp.
// Timing:           three passes over the row, one word per step: maximum, sum, outputs; between
//                   the last two kDivisionSteps. Rows of a command overlap, each at another pass or
//                   at the division. Steps per row of w words: max(w, kDivisionSteps) + 1.
// Assumptions:      words are read back kRamSettleSteps or more after they were written: a short
//                   row waits that long before its second pass, the division takes longer
//                   (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "common/sequential_divider.hpp"
#include "common/shift_exponential.hpp"
#include "hls_stream.h"
#include "ivit/row_command.hpp"
#include "ivit/row_words.hpp"

namespace tritforge {

/// @tparam Config  Shiftmax constants of the generated row_units_config.hpp
template <class Config>
struct Shiftmax {
    using Words = RowWords<Config>;
    using Exponential = ShiftExponential<Config>;
    using Divider = SequentialDivider<Config::kNumeratorBits, Config::kSumBits>;
    using Command = ScaledRowCommand<Config>;
    using CommandWord = typename Command::Word;
    using InputWord = typename Words::InputWord;
    static constexpr int kElements = Words::kElements;
    static constexpr int kResultBits = Config::kResultBits;
    using OutputWord = ap_uint<kElements * kResultBits>;

    /// An exponential as mantissa and shift.
    static constexpr int kExponentialBits = Config::kMantissaBits + Exponential::Shift::width;
    using ExponentialWord = ap_uint<kElements * kExponentialBits>;

    /// A row moves on before the next one comes in.
    static constexpr int kInputRows = 2;
    static constexpr int kExponentialRows = 3;
    using InputRing = RowRing<InputWord, kInputRows, Words::kWords>;
    using ExponentialRing = RowRing<ExponentialWord, kExponentialRows, Words::kWords>;
    using Memory = typename InputRing::Memory;
    using ExponentialMemory = typename ExponentialRing::Memory;

    /// From the first word of a row to its second pass.
    static constexpr int kSettleSteps = kRamSettleSteps - 1;
    static constexpr int kDivisionSteps = Divider::kSteps;

    static_assert(kDivisionSteps + 1 >= kRamSettleSteps,
                  "an exponential could be read before it is stored");
    static_assert(kResultBits == Exponential::kShareBits, "the output is the share itself");
    static_assert((Exponential::kNumerator >> Config::kN) >> Config::kFactorBits == 0,
                  "the factor of a row of one element would be cut");

    enum DivisionPhase { kFree, kDivide, kDone };

    /// The row that comes in.
    struct Collector {
        typename Command::Rows rows_left;
        typename Words::Length elements_left;
        typename Memory::Address address;
        typename Words::Input maximum;
        ap_uint<bits_for(kSettleSteps)> settled;
        bool complete;
    };

    /// The row whose exponentials are added up.
    struct Summer {
        bool busy;
        bool complete;
        typename Words::Length elements_left;
        typename Memory::Address address;
        typename ExponentialMemory::Address target;
        typename Words::Input maximum;
        typename Exponential::Sum sum;
    };

    /// The row whose sum is divided by.
    struct Division {
        ap_uint<2> phase;
        typename Divider::State divider;
    };

    /// The row that goes out.
    struct Emitter {
        bool busy;
        typename Words::Length elements_left;
        typename ExponentialMemory::Address address;
        typename Exponential::Factor factor;
    };

    /// All zero is the idle state.
    struct State {
        bool busy;
        Command command;  // its rows are those whose results are still to come
        typename Exponential::Limit limit;
        Collector collector;
        Summer summer;
        Division division;
        Emitter emitter;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<InputWord>& inputs, hls::stream<OutputWord>& outputs,
                     Memory& memory, ExponentialMemory& exponentials) {
#pragma HLS INLINE
        if (!state.busy) {
            start(state, Command::from_word(commands.read()));
        } else {
            // Against the flow, so that a row moves on in the step in which its place gets free.
            emit(state, outputs, exponentials);
            divide(state.division);
            add_up(state, memory, exponentials);
            collect(state, inputs, memory);
        }
    }

  private:
    static void start(State& state, const Command& command) {
#pragma HLS INLINE
        state.busy = true;
        state.command = command;
        state.limit = Exponential::limit_of(command.x0);
        state.collector.rows_left = command.rows;
        start_collector(state);
    }

    static void start_collector(State& state) {
#pragma HLS INLINE
        state.collector.elements_left = state.command.length;
        state.collector.maximum = 1LL << (Config::kInputBits - 1);  // wraps to the smallest number
        state.collector.settled = 0;
        state.collector.complete = false;
    }

    /// Stores the next word of the row that comes in, or hands the row over.
    static void collect(State& state, hls::stream<InputWord>& inputs, Memory& memory) {
#pragma HLS INLINE
        Collector& row = state.collector;
        const bool settled = row.settled == kSettleSteps;
        if (row.complete) {
            if (!state.summer.busy && settled) {
                state.summer.busy = true;
                state.summer.elements_left = state.command.length;
                state.summer.maximum = row.maximum;
                state.summer.sum = 0;
                start_collector(state);
            } else if (!settled) {
                row.settled = row.settled + 1;
            }
        } else if (row.rows_left != 0) {
            const InputWord word = inputs.read();
            memory.write(row.address, word);
            row.address = InputRing::behind(row.address);
            row.maximum = Words::maximum(word, row.elements_left, row.maximum);
            if (!settled) {
                row.settled = row.settled + 1;
            }
            if (row.elements_left <= kElements) {
                row.complete = true;
                row.rows_left = row.rows_left - 1;
            }
            row.elements_left = Words::behind_word(row.elements_left);
        }
    }

    /// Second pass: stores the exponentials and adds them up, or hands the row over.
    static void add_up(State& state, Memory& memory, ExponentialMemory& exponentials) {
#pragma HLS INLINE
        Summer& row = state.summer;
        if (row.complete) {
            if (state.division.phase == kFree) {
                Divider::start(state.division.divider, Exponential::kNumerator, row.sum);
                state.division.phase = kDivide;
                row.busy = false;
                row.complete = false;
            }
        } else if (row.busy) {
            exponentials.write(row.target, exponentials_of(state, memory.read(row.address)));
            row.address = InputRing::behind(row.address);
            row.target = ExponentialRing::behind(row.target);
            if (row.elements_left <= kElements) {
                row.complete = true;
            }
            row.elements_left = Words::behind_word(row.elements_left);
        }
    }

    static ExponentialWord exponentials_of(State& state, const InputWord& word) {
#pragma HLS INLINE
        Summer& row = state.summer;
        ap_uint<Config::kExponentialBits + bits_for(kElements)> word_sum = 0;
        ExponentialWord result = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            if (lane < row.elements_left) {
                const typename Exponential::Difference difference =
                    Words::element(word, lane) - row.maximum;
                const typename Exponential::Exponential exponential =
                    Exponential::exponential_of(difference, state.command.x0, state.limit);
                word_sum = word_sum + exponential.value();
                result.range(kExponentialBits * (lane + 1) - 1, kExponentialBits * lane) =
                    pack_fields<ap_uint<kExponentialBits>>(exponential.mantissa, exponential.shift);
            }
        }
        row.sum = Exponential::clamp(row.sum + word_sum);
        return result;
    }

    static void divide(Division& division) {
#pragma HLS INLINE
        if (division.phase == kDivide && Divider::step(division.divider)) {
            division.phase = kDone;
        }
    }

    /// Third pass: the shares of the row that goes out; takes over the next row behind its end.
    static void emit(State& state, hls::stream<OutputWord>& outputs,
                     ExponentialMemory& exponentials) {
#pragma HLS INLINE
        Emitter& row = state.emitter;
        if (row.busy) {
            outputs.write(shares_of(row, exponentials.read(row.address)));
            row.address = ExponentialRing::behind(row.address);
            if (row.elements_left <= kElements) {
                row.busy = false;
                state.busy = state.command.rows != 1;
                state.command.rows = state.command.rows - 1;
            }
            row.elements_left = Words::behind_word(row.elements_left);
        }
        if (!row.busy && state.division.phase == kDone) {
            row.busy = true;
            row.elements_left = state.command.length;
            row.factor = state.division.divider.quotient;
            state.division.phase = kFree;
        }
    }

    static OutputWord shares_of(const Emitter& row, const ExponentialWord& word) {
#pragma HLS INLINE
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const ap_uint<kExponentialBits> bits =
                word.range(kExponentialBits * (lane + 1) - 1, kExponentialBits * lane);
            typename Exponential::Exponential exponential;
            unpack_fields(bits, exponential.mantissa, exponential.shift);
            if (lane < row.elements_left) {
                output.range(kResultBits * (lane + 1) - 1, kResultBits * lane) =
                    Exponential::share_of(exponential, row.factor);
            }
        }
        return output;
    }
};

}  // namespace tritforge
