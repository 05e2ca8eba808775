// SPDX-License-Identifier: Apache-2.0
//
// Operand choice: which memories the matrix array multiplies.
//
// What it computes: nothing.
// Interface:        headers in                        one per operation of the array: the pair of
//                                                     sources, beats of a tile and tiles;
//                   codes, rows, probabilities in     left operands;
//                   weights, keys, values in          right operands;
//                   lefts, rights out                 those of the pair, beat by beat.
// Formats:          operands as in matrix_array.hpp.
// Timing:           one beat per step, one step more per operation.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_fields.hpp"
#include "hls_stream.h"
#include "ivit/matrix_array.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct OperandChoice {
    using Array = MatrixArray<Config>;
    using Lefts = typename Array::Lefts;
    using Rights = typename Array::Rights;
    using BeatCount = typename Array::BeatCount;
    using TileCount = typename Array::TileCount;

    enum Pair { kCodesWeights, kRowsWeights, kRowsKeys, kProbabilitiesValues };

    using PairCode = ap_uint<2>;
    using HeaderWord = FieldsWord<PairCode, BeatCount, TileCount>;

    /// One operation: both counts are at least 1.
    struct Header {
        PairCode pair;
        BeatCount beats;
        TileCount tiles;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(pair, beats, tiles); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.pair, header.beats, header.tiles);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        BeatCount beats_left;
        TileCount tiles_left;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Lefts>& codes,
                     hls::stream<Lefts>& rows, hls::stream<Lefts>& probabilities,
                     hls::stream<Rights>& weights, hls::stream<Rights>& keys,
                     hls::stream<Rights>& values, hls::stream<Lefts>& lefts,
                     hls::stream<Rights>& rights) {
#pragma HLS INLINE
        if (state.tiles_left == 0) {
            state.operation = Header::from_word(headers.read());
            state.tiles_left = state.operation.tiles;
            state.beats_left = state.operation.beats;
        } else {
            const PairCode pair = state.operation.pair;
            Lefts left = 0;
            Rights right = 0;
            if (pair == kCodesWeights) {
                left = codes.read();
            } else if (pair == kProbabilitiesValues) {
                left = probabilities.read();
            } else {
                left = rows.read();
            }
            if (pair == kRowsKeys) {
                right = keys.read();
            } else if (pair == kProbabilitiesValues) {
                right = values.read();
            } else {
                right = weights.read();
            }
            lefts.write(left);
            rights.write(right);
            state.beats_left = state.beats_left - 1;
            if (state.beats_left == 0) {
                state.beats_left = state.operation.beats;
                state.tiles_left = state.tiles_left - 1;
            }
        }
    }
};

}  // namespace tritforge
