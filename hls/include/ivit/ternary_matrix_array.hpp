// SPDX-License-Identifier: Apache-2.0
//
// Ternary matrix array: kTokens x kFeatures sums of activations with signs, without a multiplier.
//
// What it computes: sum[t][f] = sum over k of left[t][k] * trit[f][k], trits -1, 0 or 1, for a tile
//                   of kTokens tokens and kFeatures features: a linear layer of ternary weights.
//                   Golden model: tritforge/ivit/golden/ternary_matrix_array.py.
// Interface:        headers in  one per operation: beats of a tile (K / kColumns, rounded up) and
//                               number of tiles;
//                   lefts in    kColumns numbers of every token per beat: words of a memory;
//                   rights in   the digits of the same kColumns numbers of every feature; what lies
//                               behind the last number has the digit 0;
//                   sums out    as matrix_array.hpp gives them: feature after feature, kResults
//                               tokens per word.
// Formats:          left signed kActivation bits, every value; a digit is two bits: 1 for +1, 2 for
//                   -1; sums signed kAccumulatorBits, exact.
// Negation:         -x = ~x + 1. The array adds up ~x; how many ones a sum lacks is the same for
//                   all tokens, so that a count per feature is added to the sums as they leave.
// Timing:           one beat per step. The kDrainBeats words of a tile leave in the next steps
//                   while the following tile accumulates; only tiles of fewer beats wait.
//                   Steps of an operation: 1 + beats + (tiles - 1) * max(beats, kDrainBeats) +
//                   kDrainBeats.
// Assumptions:      none: the longest row fits the sums (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/choice_tree.hpp"
#include "common/keep.hpp"
#include "hls_stream.h"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct TernaryMatrixArray {
    static constexpr int kTokens = Config::kTokenLanes;
    static constexpr int kFeatures = Config::kFeatureLanes;
    static constexpr int kResults = Config::kResultLanes;
    static constexpr int kColumns = Config::kElements;
    static constexpr int kBits = Config::kActivation;
    static constexpr int kDigitBits = 2;
    static constexpr int kSumBits = Config::kAccumulatorBits;
    static constexpr int kParts = kTokens / kResults;
    static constexpr int kDrainBeats = Config::kDrainBeats;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kColumns);
    /// A sum without the ones that it lacks.
    static constexpr int kOwnBits = bits_for(1LL * kMaximumBeats * kColumns << (kBits - 1)) + 1;

    static_assert(kTokens % kResults == 0, "a word of sums holds whole groups of tokens");
    static_assert(kDrainBeats == kFeatures * kParts, "every sum of a tile leaves once");
    static_assert(kOwnBits <= kSumBits, "the longest row can overflow the sum");

    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using WordIndex = ap_uint<bits_for(kDrainBeats)>;
    using Own = ap_int<kOwnBits>;
    using Lack = ap_uint<bits_for(kMaximumBeats* kColumns)>;
    using Lefts = ap_uint<kTokens * kColumns * kBits>;
    using Rights = ap_uint<kFeatures * kColumns * kDigitBits>;
    using Sums = ap_uint<kResults * kSumBits>;
    using HeaderWord = FieldsWord<BeatCount, TileCount>;

    /// One operation: both counts are at least 1.
    struct Header {
        BeatCount beats;
        TileCount tiles;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(beats, tiles); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.beats, header.tiles);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        BeatCount beat;
        TileCount tiles_left;
        WordIndex words_left;
        Own sums[kFeatures][kTokens];
        Lack lacks[kFeatures];
        // Sums that wait to leave, in the order in which they do, and what those of a feature lack.
        Own finished[kResults][kDrainBeats];
        Lack finished_lacks[kFeatures];
        WordIndex word;
        ap_uint<bits_for(kFeatures)> feature;
        ap_uint<bits_for(kParts)> part;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Lefts>& lefts,
                     hls::stream<Rights>& rights, hls::stream<Sums>& sums) {
#pragma HLS INLINE
        const bool idle = state.tiles_left == 0 && state.words_left == 0;
        const bool active = state.tiles_left != 0;
        if (idle) {
            state.operation = Header::from_word(headers.read());
            state.tiles_left = state.operation.tiles;
            state.beat = 0;
        }
        send_sums(state, sums);
        const bool last = state.beat + 1 == state.operation.beats;
        // A finished tile may not overwrite words that are still waiting to leave.
        const bool takes = active && !(last && state.words_left != 0);
        Lefts left = 0;
        Rights right = 0;
        if (takes) {
            left = lefts.read();
            right = rights.read();
        }
        // Added up whether they are taken or not: both registers of a sum have an enable, and no
        // choice in front of them.
        Own added[kFeatures][kTokens];
        Lack lacks[kFeatures];
        add_beat(state, left, right, added, lacks);
        if (takes) {
            keep_sums(state, added, lacks);
            if (last) {
                finish_tile(state, added, lacks);
            }
            state.beat = last ? BeatCount(0) : BeatCount(state.beat + 1);
        }
    }

  private:
    using Digit = ap_uint<kDigitBits>;
    using Number = ap_int<kBits>;

    static void send_sums(State& state, hls::stream<Sums>& sums) {
#pragma HLS INLINE
        if (state.words_left != 0) {
            const Lack lack = choice_tree(state.finished_lacks, state.feature);
            Sums word = 0;
        results:
            for (int lane = 0; lane < kResults; ++lane) {
#pragma HLS UNROLL
                const ap_int<kSumBits> sum = choice_tree(state.finished[lane], state.word) + lack;
                word.range(kSumBits * (lane + 1) - 1, kSumBits * lane) = ap_uint<kSumBits>(sum);
            }
            sums.write(word);
            state.words_left = state.words_left - 1;
            state.word = state.word + 1;
            state.part = state.part + 1;
            if (state.part == kParts) {
                state.part = 0;
                state.feature = state.feature + 1;
            }
        }
    }

    static void add_beat(const State& state, const Lefts& lefts, const Rights& rights,
                         Own (&added)[kFeatures][kTokens], Lack (&lacks)[kFeatures]) {
#pragma HLS INLINE
        const bool first = state.beat == 0;
        // A mask, not a choice: of a choice compilers make two sums, and choose afterwards.
        const ap_int<1> kept = keep(ap_uint<1>(!first));
    features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
            ap_uint<bits_for(kColumns)> negative = 0;
        signs:
            for (int column = 0; column < kColumns; ++column) {
#pragma HLS UNROLL
                negative = negative + ap_uint<1>(digit_of(rights, feature, column)[1]);
            }
            const Lack lacked = first ? Lack(0) : state.lacks[feature];
            lacks[feature] = lacked + negative;
        tokens:
            for (int token = 0; token < kTokens; ++token) {
#pragma HLS UNROLL
                const Own before = keep(Own(state.sums[feature][token] & Own(kept)));
                added[feature][token] = before + keep(columns_of(lefts, rights, feature, token));
            }
        }
    }

    static Digit digit_of(const Rights& rights, int feature, int column) {
#pragma HLS INLINE
        const int low = kDigitBits * (kColumns * feature + column);
        return rights.range(low + kDigitBits - 1, low);
    }

    /// Sum of the columns of a beat, x or ~x of each.
    static ap_int<kBits + bits_for(kColumns)> columns_of(const Lefts& lefts, const Rights& rights,
                                                         int feature, int token) {
#pragma HLS INLINE
        ap_int<kBits + bits_for(kColumns)> pairs[kColumns];
    columns:
        for (int column = 0; column < kColumns; ++column) {
#pragma HLS UNROLL
            const int low = kBits * (kColumns * token + column);
            const ap_uint<kBits> bits = lefts.range(low + kBits - 1, low);
            const Number number = bits;
            const Digit digit = digit_of(rights, feature, column);
            const Number flipped = ~number;
            pairs[column] = digit[1] ? flipped : digit[0] ? number : Number(0);
        }
        // A tree: short chains of few bits.
    levels:
        for (int distance = 1; distance < kColumns; distance *= 2) {
#pragma HLS UNROLL
        sums_of_two:
            for (int column = 0; column + distance < kColumns; column += 2 * distance) {
#pragma HLS UNROLL
                pairs[column] = keep(pairs[column]) + keep(pairs[column + distance]);
            }
        }
        return pairs[0];
    }

    static void keep_sums(State& state, const Own (&added)[kFeatures][kTokens],
                          const Lack (&lacks)[kFeatures]) {
#pragma HLS INLINE
    keep_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
            state.lacks[feature] = lacks[feature];
        keep_tokens:
            for (int token = 0; token < kTokens; ++token) {
#pragma HLS UNROLL
                state.sums[feature][token] = added[feature][token];
            }
        }
    }

    static void finish_tile(State& state, const Own (&added)[kFeatures][kTokens],
                            const Lack (&lacks)[kFeatures]) {
#pragma HLS INLINE
        state.tiles_left = state.tiles_left - 1;
        state.words_left = kDrainBeats;
        state.word = 0;
        state.feature = 0;
        state.part = 0;
    finish_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
            state.finished_lacks[feature] = lacks[feature];
        finish_tokens:
            for (int token = 0; token < kTokens; ++token) {
#pragma HLS UNROLL
                state.finished[token % kResults][kParts * feature + token / kResults] =
                    added[feature][token];
            }
        }
    }
};

}  // namespace tritforge
