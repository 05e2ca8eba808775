// SPDX-License-Identifier: Apache-2.0
//
// Code buffer: keeps the int8 codes of one operation and repeats them for every row tile.
//
// What it computes: nothing. The first tile of every vector takes its codes straight from the
//                   quantiser; they are stored on the way and repeated for all later tiles.
// Interface:        headers in   one per operation: beats (K / 5, rounded up), number of code
//                                vectors (1 to kConsumers) and of row tiles of all matrices;
//                   groups in    beats words for every vector;
//                   repeated out beats words for every tile; tile t carries vector t mod vectors,
//                                which is the order of interleaved row tiles;
//                   memory       one word per group, at vector * beats + beat.
// Formats:          codes int8 in +-127, five columns of every lane a word.
// Timing:           one group per step. Steps of an operation: 1 + beats * tiles, and
//                   kRamSettleSteps more if there are more tiles than vectors.
// Assumptions:      at least as many tiles as vectors. The settle steps keep the distance that Ram
//                   asks for.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "language_model/ternary_code.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct CodeBuffer {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kConsumers = Config::kConsumers;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kTritsPerByte);
    static constexpr int kSeveral = kConsumers * groups_of(Config::kDim, kTritsPerByte);
    /// Either all consumers of one vector of length dim, or the longest vector for one consumer.
    static constexpr int kWords = kSeveral > kMaximumBeats ? kSeveral : kMaximumBeats;

    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using VectorCount = ap_uint<bits_for(kConsumers)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    /// Code of lane l, column c in bits 8 * (5 l + c) and up.
    using CodeGroup = ap_uint<Config::kCodeBits * kTritsPerByte * kLanes>;
    using Memory = Ram<CodeGroup, kWords>;
    using Address = typename Memory::Address;
    using HeaderWord = FieldsWord<BeatCount, VectorCount, TileCount>;

    /// One operation: every count is at least 1.
    struct Header {
        BeatCount beats;
        VectorCount vectors;
        TileCount tiles;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(beats, vectors, tiles);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.beats, header.vectors, header.tiles);
            return header;
        }
    };

    enum Phase { kIdle, kForward, kSettle, kRepeat };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        BeatCount beats_left;
        VectorCount vectors_left;
        TileCount tiles_left;
        bool one_beat, last_beat;
        bool one_vector, last_vector;
        bool last_tile;
        Address address;
        ap_uint<bits_for(kRamSettleSteps)> wait;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<CodeGroup>& groups,
                     hls::stream<CodeGroup>& repeated, Memory& memory) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()));
        } else if (state.phase == kForward) {
            const CodeGroup group = groups.read();
            memory.write(state.address, group);
            repeated.write(group);
            if (state.last_beat && state.last_vector) {
                state.phase = state.last_tile ? kIdle : kSettle;
            }
            count_beat(state);
        } else if (state.phase == kSettle) {
            state.wait = state.wait - 1;
            if (state.wait == 0) {
                state.phase = kRepeat;
            }
        } else {
            repeated.write(memory.read(state.address));
            if (state.last_beat && state.last_tile) {
                state.phase = kIdle;
            }
            count_beat(state);
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.operation = header;
        state.tiles_left = header.tiles;
        state.beats_left = header.beats;
        state.vectors_left = header.vectors;
        state.one_beat = state.last_beat = header.beats == 1;
        state.one_vector = state.last_vector = header.vectors == 1;
        state.last_tile = header.tiles == 1;
        state.address = 0;
        state.wait = kRamSettleSteps;
        state.phase = kForward;
    }

    /// Moves to the next group. Whether a count ends is known since the step before.
    static void count_beat(State& state) {
#pragma HLS INLINE
        // Vectors lie one after the other, so the address only ever counts and starts again.
        const bool vectors_end = state.last_beat && state.last_vector;
        state.address = vectors_end ? Address(0) : Address(state.address + 1);
        if (state.last_beat) {
            state.beats_left = state.operation.beats;
            state.last_beat = state.one_beat;
            const bool next_is_last =
                state.last_vector ? state.one_vector : bool(state.vectors_left == 2);
            state.vectors_left =
                state.last_vector ? state.operation.vectors : VectorCount(state.vectors_left - 1);
            state.last_vector = next_is_last;
            state.last_tile = state.tiles_left == 2;
            state.tiles_left = state.tiles_left - 1;
        } else {
            state.last_beat = state.beats_left == 2;
            state.beats_left = state.beats_left - 1;
        }
    }
};

}  // namespace tritforge
