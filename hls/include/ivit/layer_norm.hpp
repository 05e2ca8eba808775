// SPDX-License-Identifier: Apache-2.0
//
// I-LayerNorm: integer layer normalisation of I-ViT, arXiv 2207.01405, section 3.4.
//
// What it computes: mean = round(sum(x) / length), half to even; V = sum((x - mean)**2);
//                   root = 2**16, then ten times floor((root + floor(V / root)) / 2);
//                   factor = floor((2**31 - 1) / root);
//                   out = floor((x - mean) * factor / 2) + bias.
//                   Golden model: tritforge/ivit/golden/layer_norm.py.
// Interface:        commands in  length and rows;
//                   biases in    once per command: one per channel, kElements per word;
//                   inputs in    the rows, kElements elements per word;
//                   outputs out  the rows, kElements elements per word, 0 behind the end;
//                   memory       up to kRowsAtWork rows;
//                   bias_memory  the biases.
// Formats:          x kInputBits signed; bias kBiasBits signed; out kResultBits signed.
// Timing:           one pass in, one out, one word per step; in between kScalarSteps for mean, root
//                   and factor, sequential. Rows of a command are at work at once: one comes in,
//                   kRoots have their roots taken, one goes out. Steps per row of w words:
//                   max(w, (kScalarSteps + 1) / kRoots - 1) + 1; from its last word in to its last
//                   word out w + kScalarSteps + 2.
//                   Less work than the formulas say: V = sum(x * x) - mean * T with
//                   T = 2 * sum(x) - length * mean saves a pass over the row, and T is sum(x) plus
//                   the remainder of the mean's division; the first division by 2**16 is a shift;
//                   the others have short quotients, as no later root is below floor(sqrt(V)).
// Assumptions:      words are read back kRamSettleSteps or more after they were written, because
// the
//                   root takes that long (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"
#include "common/sequential_divider.hpp"
#include "hls_stream.h"
#include "ivit/row_command.hpp"
#include "ivit/row_words.hpp"

namespace tritforge {

/// @tparam Config  I-LayerNorm constants of the generated row_units_config.hpp
template <class Config>
struct LayerNorm {
    using Words = RowWords<Config>;
    using Command = RowCommand<Config>;
    using CommandWord = typename Command::Word;
    using InputWord = typename Words::InputWord;
    static constexpr int kElements = Words::kElements;
    static constexpr int kInputBits = Config::kInputBits;
    static constexpr int kBiasBits = Config::kBiasBits;
    static constexpr int kResultBits = Config::kResultBits;
    using BiasWord = ap_uint<kElements * kBiasBits>;
    using OutputWord = ap_uint<kElements * kResultBits>;

    static constexpr int kRoots = Config::kRoots;
    /// One comes in, one goes out, the others have their roots taken: a row moves on before the
    /// next comes in.
    static constexpr int kRowsAtWork = kRoots + 2;
    using Ring = RowRing<InputWord, kRowsAtWork, Words::kWords>;
    using Memory = typename Ring::Memory;
    using RootIndex = ap_uint<bits_for(kRoots)>;
    using BiasMemory = Ram<BiasWord, Words::kWords>;

    static constexpr int larger(int a, int b) { return a > b ? a : b; }
    static constexpr int kDivisorBits = larger(Config::kRootBits, Words::Length::width);
    static constexpr int kLongestQuotient =
        larger(Config::kFactorBits, larger(Config::kQuotientBits, kInputBits));
    /// Two quotient bits per step: a short path still, and half the steps.
    using Divider = BoundedDivider<kLongestQuotient, kDivisorBits, 2>;

    /// Division and rounding of the mean, one bit of the product a step, first root, the other
    /// roots, factor.
    static constexpr int kScalarSteps =
        Divider::steps_of(kInputBits) + 1 + kInputBits + 1 +
        (Config::kSteps - 1) * (Divider::steps_of(Config::kQuotientBits) + 1) +
        Divider::steps_of(Config::kFactorBits);

    static_assert(kScalarSteps == Config::kScalarSteps,
                  "the cycle model counts other steps than the unit takes");
    static_assert(kScalarSteps >= kRamSettleSteps,
                  "a row could be read before all of it is stored");
    static_assert((1LL * Config::kRow << (kInputBits - 1)) < (1LL << Config::kTotalBits),
                  "the sum of a row would be cut");
    static_assert((1LL * Config::kRow << (2 * kInputBits - 2)) < (1LL << Config::kRawSquareSumBits),
                  "the sum of squares would be cut");
    static_assert(Config::kNormalisedBits < kResultBits && kBiasBits < kResultBits,
                  "the sum with the bias would be cut");

    enum Phase { kIdle, kBiases, kRows };
    enum ScalarPhase { kFree, kMean, kRound, kCentre, kFirstRoot, kDivide, kRoot, kFactor, kDone };

    /// The row that comes in.
    struct Collector {
        typename Command::Rows rows_left;
        typename Words::Length elements_left;
        typename Memory::Address address;
        ap_int<Config::kTotalBits + 1> total;
        ap_uint<Config::kRawSquareSumBits> square_sum;
        bool complete;
    };

    /// The row between; `mean` is a magnitude.
    struct Scalar {
        ap_uint<4> phase;
        bool negative;
        ap_uint<kInputBits> mean;
        ap_uint<Config::kTotalBits> total;
        /// 2 |total| - length * |mean|, doubled in every step of the product.
        ap_uint<Config::kTotalBits + 1 + kInputBits> addend;
        ap_uint<Config::kRawSquareSumBits> square_sum;
        ap_uint<Config::kRootBits> root;
        ap_uint<bits_for(larger(kInputBits, Config::kSteps))> count;
        typename Divider::State division;
    };

    /// The row that goes out.
    struct Emitter {
        bool busy;
        typename Command::Rows rows_left;
        typename Words::Length elements_left;
        typename Memory::Address address;
        typename BiasMemory::Address word;
        ap_int<kInputBits> mean;
        ap_uint<Config::kFactorBits> factor;
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        typename Words::Length length;
        Collector collector;
        // Rows take them in turn; the one that the next row gets, and the one it leaves.
        Scalar scalars[kRoots];
        RootIndex taken;
        RootIndex left;
        Emitter emitter;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<BiasWord>& biases, hls::stream<InputWord>& inputs,
                     hls::stream<OutputWord>& outputs, Memory& memory, BiasMemory& bias_memory) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Command::from_word(commands.read()));
        } else if (state.phase == kBiases) {
            bias_memory.write(state.emitter.word, biases.read());
            if (advance_emitter(state)) {
                state.phase = kRows;
            }
        } else {
            // Against the flow, so that a row moves on in the step in which its place gets free.
            emit(state, outputs, memory, bias_memory);
        roots:
            for (int root = 0; root < kRoots; ++root) {
#pragma HLS UNROLL
                work(state.scalars[root], state.length);
            }
            collect(state, inputs, memory);
            if (state.emitter.rows_left == 0) {
                state.phase = kIdle;
            }
        }
    }

  private:
    static void start(State& state, const Command& command) {
#pragma HLS INLINE
        state.length = command.length;
        state.collector.rows_left = command.rows;
        state.emitter.rows_left = command.rows;
        state.taken = 0;
        state.left = 0;
        start_collector(state);
        start_emitter(state);
        state.phase = kBiases;
    }

    static void start_collector(State& state) {
#pragma HLS INLINE
        state.collector.elements_left = state.length;
        state.collector.total = 0;
        state.collector.square_sum = 0;
        state.collector.complete = false;
    }

    /// Stores the next word of the row that comes in, or hands the row over.
    static void collect(State& state, hls::stream<InputWord>& inputs, Memory& memory) {
#pragma HLS INLINE
        Collector& row = state.collector;
        if (row.complete) {
            if (start_scalar(state)) {
                start_collector(state);
            }
        } else if (row.rows_left != 0) {
            const InputWord word = inputs.read();
            memory.write(row.address, word);
            row.address = Ring::behind(row.address);
            add(row, word);
            if (row.elements_left <= kElements) {
                row.complete = true;
                row.rows_left = row.rows_left - 1;
            }
            row.elements_left = Words::behind_word(row.elements_left);
        }
    }

    static void add(Collector& row, const InputWord& word) {
#pragma HLS INLINE
        ap_int<kInputBits + bits_for(kElements)> total = 0;
        ap_uint<2 * kInputBits - 1 + bits_for(kElements)> square_sum = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            if (lane < row.elements_left) {
                const typename Words::Input x = Words::element(word, lane);
                const ap_uint<2 * kInputBits - 1> square = x * x;
                total = total + x;
                square_sum = square_sum + square;
            }
        }
        row.total = row.total + total;
        row.square_sum = row.square_sum + square_sum;
    }

    /// Hands the row that has come in over to the next root; false if that is not free.
    static bool start_scalar(State& state) {
#pragma HLS INLINE
        bool free = false;
    roots_to_take:
        for (int root = 0; root < kRoots; ++root) {
#pragma HLS UNROLL
            if (state.taken == root && state.scalars[root].phase == kFree) {
                start_scalar(state.scalars[root], state);
                free = true;
            }
        }
        if (free) {
            state.taken = behind(state.taken);
        }
        return free;
    }

    static RootIndex behind(const RootIndex& root) {
#pragma HLS INLINE
        return root == kRoots - 1 ? RootIndex(0) : RootIndex(root + 1);
    }

    static void start_scalar(Scalar& scalar, const State& state) {
#pragma HLS INLINE
        const Collector& row = state.collector;
        scalar.negative = row.total < 0;
        scalar.total = scalar.negative ? ap_int<Config::kTotalBits + 1>(-row.total) : row.total;
        scalar.square_sum = row.square_sum;
        // |total| <= length * 2**(kInputBits - 1)
        Divider::template start<kInputBits>(scalar.division, scalar.total, state.length);
        scalar.phase = kMean;
    }

    /// Mean, sum of squares around it, root and factor.
    static void work(Scalar& scalar, const typename Words::Length& length) {
#pragma HLS INLINE
        bool divided = false;
        if (scalar.phase == kMean || scalar.phase == kDivide || scalar.phase == kFactor) {
            divided = Divider::step(scalar.division);
        }
        if (scalar.phase == kMean && divided) {
            scalar.phase = kRound;
        } else if (scalar.phase == kRound) {
            round_mean(scalar, length);
            scalar.phase = kCentre;
        } else if (scalar.phase == kCentre) {
            if (centre(scalar)) {
                scalar.phase = kFirstRoot;
            }
        } else if (scalar.phase == kFirstRoot) {
            constexpr int kFirst = Config::kFirstRootBits;
            using Wide = ap_uint<Config::kRootBits + 1>;
            scalar.count = Config::kSteps - 1;
            divide_by(scalar, Wide(Wide(1LL << kFirst) + (scalar.square_sum >> kFirst)) >> 1);
        } else if (scalar.phase == kDivide && divided) {
            scalar.phase = kRoot;
        } else if (scalar.phase == kRoot) {
            using Wide = ap_uint<Config::kRootBits + 1>;
            const ap_uint<Config::kQuotientBits> quotient = scalar.division.quotient;
            scalar.count = scalar.count - 1;
            divide_by(scalar, Wide(Wide(scalar.root) + quotient) >> 1);
        } else if (scalar.phase == kFactor && divided) {
            scalar.phase = kDone;
        }
    }

    static void round_mean(Scalar& scalar, const typename Words::Length& length) {
#pragma HLS INLINE
        const ap_uint<kInputBits> quotient = scalar.division.quotient;
        const typename Words::Length remainder = scalar.division.remainder;
        const ap_uint<Words::Length::width + 1> twice = ap_uint<Words::Length::width + 1>(remainder)
                                                        << 1;
        const bool up = twice > length || (twice == length && quotient[0]);
        scalar.mean = quotient + ap_uint<1>(up);
        const typename Words::Length excess = up ? length : typename Words::Length(0);
        scalar.addend = scalar.total + remainder - excess;
        scalar.count = kInputBits;
    }

    /// Takes one bit of mean * addend off the sum of squares; true with the last one.
    static bool centre(Scalar& scalar) {
#pragma HLS INLINE
        const bool bit = scalar.mean[0];
        if (bit) {
            scalar.square_sum = scalar.square_sum - scalar.addend;
        }
        scalar.addend = scalar.addend << 1;
        // Once round, the mean is what it was.
        scalar.mean = scalar.mean >> 1;
        scalar.mean[kInputBits - 1] = bit;
        scalar.count = scalar.count - 1;
        return scalar.count == 0;
    }

    /// Division of the sum of squares by a root, or of the numerator by the last root.
    static void divide_by(Scalar& scalar, const ap_uint<Config::kRootBits>& root) {
#pragma HLS INLINE
        constexpr long long kNumerator = (1LL << Config::kNumeratorBits) - 1;
        scalar.root = root;
        if (scalar.count != 0) {
            const ap_uint<Config::kSquareSumBits> square_sum = scalar.square_sum;
            Divider::template start<Config::kQuotientBits>(scalar.division, square_sum, root);
            scalar.phase = kDivide;
        } else {
            const ap_uint<Config::kNumeratorBits> numerator = kNumerator;
            Divider::template start<Config::kFactorBits>(scalar.division, numerator, root);
            scalar.phase = kFactor;
        }
    }

    static void start_emitter(State& state) {
#pragma HLS INLINE
        state.emitter.elements_left = state.length;
        state.emitter.word = 0;
    }

    /// Goes to the next word; true behind the last one, when the row starts over.
    static bool advance_emitter(State& state) {
#pragma HLS INLINE
        Emitter& row = state.emitter;
        const bool last = row.elements_left <= kElements;
        row.elements_left = last ? state.length : Words::behind_word(row.elements_left);
        row.word =
            last ? typename BiasMemory::Address(0) : typename BiasMemory::Address(row.word + 1);
        return last;
    }

    /// Gives the next word of the row that goes out; takes over the next row behind its end.
    static void emit(State& state, hls::stream<OutputWord>& outputs, Memory& memory,
                     BiasMemory& bias_memory) {
#pragma HLS INLINE
        Emitter& row = state.emitter;
        if (row.busy) {
            outputs.write(normalised(row, memory.read(row.address), bias_memory.read(row.word)));
            row.address = Ring::behind(row.address);
            if (advance_emitter(state)) {
                row.busy = false;
                row.rows_left = row.rows_left - 1;
            }
        }
        if (!row.busy) {
            bool taken = false;
        roots_to_leave:
            for (int root = 0; root < kRoots; ++root) {
#pragma HLS UNROLL
                Scalar& scalar = state.scalars[root];
                if (state.left == root && scalar.phase == kDone) {
                    const ap_int<kInputBits> mean = scalar.mean;
                    row.mean = scalar.negative ? ap_int<kInputBits>(-mean) : mean;
                    row.factor = scalar.division.quotient;
                    taken = true;
                    scalar.phase = kFree;
                }
            }
            if (taken) {
                row.busy = true;
                state.left = behind(state.left);
            }
        }
    }

    static OutputWord normalised(const Emitter& row, const InputWord& word,
                                 const BiasWord& bias_word) {
#pragma HLS INLINE
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const ap_int<Config::kDifferenceBits> difference =
                Words::element(word, lane) - row.mean;
            const ap_int<Config::kNormalisedBits> value = (difference * row.factor) >> 1;
            const ap_uint<kBiasBits> bits =
                bias_word.range(kBiasBits * (lane + 1) - 1, kBiasBits * lane);
            const ap_int<kBiasBits> bias = bits;
            const ap_int<kResultBits> result = value + bias;
            if (lane < row.elements_left) {
                output.range(kResultBits * (lane + 1) - 1, kResultBits * lane) =
                    ap_uint<kResultBits>(result);
            }
        }
        return output;
    }
};

}  // namespace tritforge
