// SPDX-License-Identifier: Apache-2.0
//
// Matrix array: kTokens x kFeatures multiply-adds per step, sums stay where they are.
//
// What it computes: sum[t][f] = sum over k of left[t][k] * right[f][k] for a tile of kTokens tokens
//                   and kFeatures features: linear layers, q * k and probability * v.
//                   Golden model: tritforge/ivit/golden/matrix_array.py.
// Interface:        headers in  one per operation: beats of a tile, number of tiles, and the beat
//                               at which the second digits begin (0: there are none);
//                   lefts in    one number of every token per beat;
//                   rights in   the same number of every feature: weights, keys or values;
//                   sums out    feature after feature, kResults tokens per word.
// Digits:           a probability is wider than an operand. Its high digits come first, for all k;
//                   then the sums move up by a digit and the low digits follow.
// Formats:          left signed kLeftBits, from -2**(kLeftBits - 2) to 2**(kLeftBits - 1) - 1: an
//                   activation or an unsigned digit; right signed kRightBits; sums signed
//                   kAccumulatorBits, without bias.
// Packing:          with kPacking = 2 the products of two features share one multiplier, as they
//                   share the left operand:
//                       (right1 * 2**P + right0) * left = product1 * 2**P + product0, P product
//                   bits, exact because product0 fits P signed bits; where it is negative,
//                   product1 lacks 1. At 8 bits the operands are 25 x 9, a DSP48E1.
// Timing:           one beat per step. The kDrainBeats words of a tile leave in the next steps
//                   while the following tile accumulates; only tiles of fewer beats wait.
//                   Steps of an operation: 1 + beats + (tiles - 1) * max(beats, kDrainBeats) +
//                   kDrainBeats.
// Assumptions:      no sum of a tile that is used leaves the accumulator (MachineConfig derives it
//                   from the longest row); what is behind the last token or feature may wrap.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/choice_tree.hpp"
#include "common/keep.hpp"
#include "hls_stream.h"

namespace tritforge {

/// @tparam Config  constants of the generated ivit_config.hpp
template <class Config>
struct MatrixArray {
    static constexpr int kTokens = Config::kTokenLanes;
    static constexpr int kFeatures = Config::kFeatureLanes;
    static constexpr int kResults = Config::kResultLanes;
    static constexpr int kPacking = Config::kProductsPerMultiplier;
    static constexpr int kLeftBits = Config::kLeftBits;
    static constexpr int kRightBits = Config::kRightBits;
    static constexpr int kProductBits = Config::kProductBits;
    static constexpr int kSumBits = Config::kAccumulatorBits;
    static constexpr int kDigitBits = Config::kActivation;
    static constexpr int kParts = kTokens / kResults;
    static constexpr int kDrainBeats = Config::kDrainBeats;

    static_assert(kTokens % kResults == 0, "a word of sums holds whole groups of tokens");
    static_assert(kFeatures % kPacking == 0, "multipliers are shared by whole groups of features");
    static_assert(kDrainBeats == kFeatures * kParts, "every sum of a tile leaves once");
    static_assert(kProductBits == kLeftBits - 1 + kRightBits,
                  "the smallest left operand does not occur, so a product saves a bit");

    using BeatCount = ap_uint<bits_for(Config::kMaximumBeats)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using WordIndex = ap_uint<bits_for(kDrainBeats)>;
    using Left = ap_int<kLeftBits>;
    using Right = ap_int<kRightBits>;
    using Product = ap_int<kProductBits>;
    using Sum = ap_int<kSumBits>;
    using Lefts = ap_uint<kTokens * kLeftBits>;
    using Rights = ap_uint<kFeatures * kRightBits>;
    using Sums = ap_uint<kResults * kSumBits>;
    using HeaderWord = FieldsWord<BeatCount, TileCount, BeatCount>;

    /// One operation: both counts are at least 1.
    struct Header {
        BeatCount beats;
        TileCount tiles;
        BeatCount second_digits;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(beats, tiles, second_digits); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.beats, header.tiles, header.second_digits);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        BeatCount beat;
        TileCount tiles_left;
        WordIndex words_left;
        Sum sums[kFeatures][kTokens];
        // Sums that wait to leave, in the order in which they do. They stay where they are: a
        // shift register would take a choice for every one of them, an index takes one for a word.
        Sum finished[kResults][kDrainBeats];
        WordIndex word;
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
        // Added up whether they are taken or not: then both registers of a sum have an enable, and
        // no choice in front of them.
        Sum added[kFeatures][kTokens];
        add_products(state, left, right, added);
        if (takes) {
            keep_sums(state, added);
            if (last) {
                finish_tile(state, added);
            }
            state.beat = last ? BeatCount(0) : BeatCount(state.beat + 1);
        }
    }

  private:
    static void send_sums(State& state, hls::stream<Sums>& sums) {
#pragma HLS INLINE
        if (state.words_left != 0) {
            Sums word = 0;
        results:
            for (int lane = 0; lane < kResults; ++lane) {
#pragma HLS UNROLL
                word.range(kSumBits * (lane + 1) - 1, kSumBits * lane) =
                    ap_uint<kSumBits>(choice_tree(state.finished[lane], state.word));
            }
            sums.write(word);
            state.words_left = state.words_left - 1;
            state.word = state.words_left == 0 ? WordIndex(0) : WordIndex(state.word + 1);
        }
    }

    static void add_products(const State& state, const Lefts& lefts, const Rights& rights,
                             Sum (&added)[kFeatures][kTokens]) {
#pragma HLS INLINE
        const bool first = state.beat == 0;
        const bool moves_up = state.beat == state.operation.second_digits;
    features:
        for (int feature = 0; feature < kFeatures; feature += kPacking) {
#pragma HLS UNROLL
            const Right low = right_of(rights, feature);
            const Right high = right_of(rights, feature + kPacking - 1);
        tokens:
            for (int token = 0; token < kTokens; ++token) {
#pragma HLS UNROLL
                const ap_uint<kLeftBits> bits =
                    lefts.range(kLeftBits * (token + 1) - 1, kLeftBits * token);
                const Left left = bits;
                const Sum& before = state.sums[feature][token];
                if (kPacking == 1) {
                    added[feature][token] = sum_of(before, Product(left * low), 0, first, moves_up);
                } else {
                    const Pair pair = pair_of(left, low, high);
                    const int other = feature + kPacking - 1;
                    added[feature][token] = sum_of(before, pair.low, 0, first, moves_up);
                    added[other][token] =
                        sum_of(state.sums[other][token], pair.high, pair.carry, first, moves_up);
                }
            }
        }
    }

    static Right right_of(const Rights& rights, int feature) {
#pragma HLS INLINE
        const ap_uint<kRightBits> bits =
            rights.range(kRightBits * (feature + 1) - 1, kRightBits * feature);
        return bits;
    }

    /// Two products of one multiplier: the high one is `high + carry`.
    struct Pair {
        Product low;
        ap_int<kProductBits + 1> high;
        ap_uint<1> carry;
    };

    static Pair pair_of(const Left& left, const Right& low, const Right& high) {
#pragma HLS INLINE
        constexpr int kPackedBits = Config::kPackedBits;
        const ap_int<kPackedBits> packed =
            (ap_int<kPackedBits>(high) << kProductBits) + ap_int<kPackedBits>(low);
        const ap_int<kPackedBits + kLeftBits> product = left * packed;
        const ap_uint<kProductBits> low_bits = product.range(kProductBits - 1, 0);
        Pair pair;
        pair.low = low_bits;
        pair.high = product >> kProductBits;
        pair.carry = product[kProductBits - 1];
        return pair;
    }

    /// before + product + carry, in one chain: the carry goes in below the lowest bit.
    template <int P>
    static Sum sum_of(const Sum& sum, const ap_int<P>& product, const ap_uint<1>& carry, bool first,
                      bool moves_up) {
#pragma HLS INLINE
        const Sum moved = moves_up ? Sum(sum << kDigitBits) : sum;
        // A mask, not a choice: of a choice compilers make two sums, and choose afterwards.
        const ap_int<1> kept = keep(ap_uint<1>(!first));
        const Sum before = keep(Sum(moved & Sum(kept)));
        const ap_int<kSumBits + 1> above = (ap_int<kSumBits + 1>(before) << 1) + ap_uint<1>(1);
        const ap_int<kSumBits + 1> below = (ap_int<kSumBits + 1>(product) << 1) + carry;
        return ap_int<kSumBits + 2>(above + below) >> 1;
    }

    static void keep_sums(State& state, const Sum (&added)[kFeatures][kTokens]) {
#pragma HLS INLINE
    keep_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
        keep_tokens:
            for (int token = 0; token < kTokens; ++token) {
#pragma HLS UNROLL
                state.sums[feature][token] = added[feature][token];
            }
        }
    }

    static void finish_tile(State& state, const Sum (&added)[kFeatures][kTokens]) {
#pragma HLS INLINE
        state.tiles_left = state.tiles_left - 1;
        state.words_left = kDrainBeats;
    finish_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
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
