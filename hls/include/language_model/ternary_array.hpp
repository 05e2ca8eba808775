// SPDX-License-Identifier: Apache-2.0
//
// Row-parallel ternary-adder array: W * q for ternary W and int8 q, without a multiplier.
//
// What it computes: sum[row] = sum over k of W[row][k] * q[k], the integer part of a BitLinear
//                   (arXiv 2406.02528, section 3.2), for kLanes vectors q that share every weight.
// Interface:        headers in   one per operation: beats of a tile (K / 5, rounded up) and number
//                                of row tiles, counted over all interleaved matrices;
//                   weights in   one byte (five columns) of each of kRows rows per beat;
//                   codes in     the same five columns of q for every lane, again for every tile;
//                   sums out     one sum per word, tile after tile: the rows of lane 0, of lane 1,
//                   ... Tiles of several matrices are simply consecutive tiles. The last tile of a
//                   matrix may hold padded rows: they are summed and sent like the others (zero
//                   weights, zero sums) and the consumer, which knows the row count, drops them.
//                   Padded columns have weight 0, so their codes do not matter.
// Formats:          codes int8 in +-127; sums signed kAccumulatorBits, exact.
// Timing:           one beat per step. The kSums sums of a tile leave in the next kSums steps while
//                   the following tile accumulates; only tiles of less than kSums beats wait.
//                   Steps of an operation: 1 + beats + (tiles - 1) * max(beats, kSums) + kSums.
// Assumptions:      no sum leaves the accumulator (static_assert over the longest row), so there is
//                   no saturation here and no flag.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/keep.hpp"
#include "hls_stream.h"
#include "language_model/ternary_code.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct TernaryArray {
    static constexpr int kRows = Config::kRowsPerBeat;
    static constexpr int kLanes = Config::kLanes;
    /// Sums of a tile.
    static constexpr int kSums = kRows * kLanes;
    static constexpr int kCodeBits = Config::kCodeBits;
    static constexpr int kSumBits = Config::kAccumulatorBits;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kTritsPerByte);

    static_assert(kCodeBits == 8, "a code is one byte");
    static_assert(static_cast<long long>(Config::kMaximumInputs) * Config::kCodeLimit <
                      (1LL << (kSumBits - 1)),
                  "the longest row can overflow the accumulator");

    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using Beat = ap_uint<8 * kRows>;
    /// Code of lane l, column c in bits 8 * (5 l + c) and up.
    using CodeGroup = ap_uint<kCodeBits * kTritsPerByte * kLanes>;
    using Sum = ap_int<kSumBits>;
    using HeaderWord = ap_uint<BeatCount::width + TileCount::width>;

    /// One operation: both counts are at least 1.
    struct Header {
        BeatCount beats;
        TileCount tiles;

        HeaderWord to_word() const {
            HeaderWord word = 0;
            word.range(BeatCount::width - 1, 0) = beats;
            word.range(HeaderWord::width - 1, BeatCount::width) = tiles;
            return word;
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            header.beats = word.range(BeatCount::width - 1, 0);
            header.tiles = word.range(HeaderWord::width - 1, BeatCount::width);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        BeatCount beat;
        TileCount tiles_left;
        ap_uint<bits_for(kSums)> sums_left;
        Sum sums[kRows][kLanes];
        // Sums that wait to leave, the next one first.
        Sum finished[kSums];
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Beat>& weights,
                     hls::stream<CodeGroup>& codes, hls::stream<Sum>& sums) {
#pragma HLS INLINE
        const bool idle = state.tiles_left == 0 && state.sums_left == 0;
        const bool active = state.tiles_left != 0;
        if (idle) {
            state.operation = Header::from_word(headers.read());
            state.tiles_left = state.operation.tiles;
            state.beat = 0;
        }
        send_sum(state, sums);
        const bool last = state.beat + 1 == state.operation.beats;
        // A finished tile may not overwrite rows that are still waiting to leave.
        if (active && !(last && state.sums_left != 0)) {
            accumulate(state, weights.read(), codes.read());
            if (last) {
                finish_tile(state);
            }
            state.beat = last ? BeatCount(0) : BeatCount(state.beat + 1);
        }
    }

  private:
    static void send_sum(State& state, hls::stream<Sum>& sums) {
#pragma HLS INLINE
        if (state.sums_left != 0) {
            sums.write(state.finished[0]);
            state.sums_left = state.sums_left - 1;
        shift_sums:
            for (int index = 0; index + 1 < kSums; ++index) {
#pragma HLS UNROLL
                state.finished[index] = state.finished[index + 1];
            }
        }
    }

    static void accumulate(State& state, const Beat& beat, const CodeGroup& codes) {
#pragma HLS INLINE
        const bool first = state.beat == 0;
    rows:
        for (int row = 0; row < kRows; ++row) {
#pragma HLS UNROLL
            const TernaryDigits digits = decode_ternary_byte(beat.range(8 * row + 7, 8 * row));
        lanes:
            for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
                const Sum before = first ? Sum(0) : state.sums[row][lane];
                // The five products are added up before the sum that waits for them: short chains.
                state.sums[row][lane] = keep(five_columns(digits, codes, lane)) + before;
            }
        }
    }

    static ap_int<11> five_columns(TernaryDigits digits, const CodeGroup& codes, int lane) {
#pragma HLS INLINE
        ap_int<11> total = 0;
    columns:
        for (int column = 0; column < kTritsPerByte; ++column) {
#pragma HLS UNROLL
            const int low = kCodeBits * (kTritsPerByte * lane + column);
            const ap_uint<kCodeBits> code = codes.range(low + kCodeBits - 1, low);
            const ap_uint<kDigitBits> digit =
                digits.range(kDigitBits * column + 1, kDigitBits * column);
            total += ternary_product(digit, ap_int<kCodeBits>(code));
        }
        return total;
    }

    static void finish_tile(State& state) {
#pragma HLS INLINE
        state.tiles_left = state.tiles_left - 1;
        state.sums_left = kSums;
    finish_lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
        finish_rows:
            for (int row = 0; row < kRows; ++row) {
#pragma HLS UNROLL
                state.finished[kRows * lane + row] = state.sums[row][lane];
            }
        }
    }
};

}  // namespace tritforge
