// SPDX-License-Identifier: Apache-2.0
//
// Weight join: the words of kPorts weight ports side by side, exactly as many as operations need.
//
// What it computes: nothing. Port p holds bytes 8 p .. 8 p + 7 of every beat.
// Interface:        headers in   one per operation: beats of a tile and row tiles of all matrices;
//                                with `end`, what is left of the packets is dropped;
//                   ports in     one packet per run on each port (stream_word.hpp);
//                   beats out    one byte (five columns) of each of kRows rows;
//                   status out   for a header with `end`: early, late of port 0, of port 1, ...
// Formats:          raw bytes; after an early end of a packet, zeros (weights 0).
// Timing:           one beat per step. Steps of an operation: 1 + beats * tiles. The end of a run
//                   takes one step more than there are words to drop, and two at least.
// Assumptions:      none: no packet can hang it except one that never ends.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "language_model/ternary_code.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct WeightJoin {
    static constexpr int kPorts = Config::kPorts;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kTritsPerByte);

    static_assert(8 * Config::kRowsPerBeat == kStreamBits * kPorts,
                  "a beat is one word of every port");

    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using Beat = ap_uint<8 * Config::kRowsPerBeat>;
    using Status = ap_uint<2 * kPorts>;
    using HeaderWord = FieldsWord<ap_uint<1>, BeatCount, TileCount>;

    /// One operation: both counts are at least 1.
    struct Header {
        ap_uint<1> end;
        BeatCount beats;
        TileCount tiles;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(end, beats, tiles);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.end, header.beats, header.tiles);
            return header;
        }
    };

    enum Phase { kIdle, kRun, kDrop };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        BeatCount beat;
        TileCount tiles_left;
        PacketReader packets[kPorts];
    };

    template <class... Ports>
    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Beat>& beats,
                     hls::stream<Status>& status, Ports&... ports) {
#pragma HLS INLINE
        static_assert(sizeof...(Ports) == kPorts, "one stream a port");
        Beat beat = 0;
        next_words<0>(state, beat, ports...);
        if (state.phase == kIdle) {
            state.operation = Header::from_word(headers.read());
            state.tiles_left = state.operation.tiles;
            state.beat = 0;
            state.phase = state.operation.end == 1 ? kDrop : kRun;
        } else if (state.phase == kRun) {
            beats.write(beat);
            count_beat(state);
        } else if (all_ended(state)) {
            status.write(report(state));
            state.phase = kIdle;
        }
    }

  private:
    template <int Port>
    static void next_words(State&, Beat&) {
#pragma HLS INLINE
    }

    template <int Port, class... Rest>
    static void next_words(State& state, Beat& beat, hls::stream<StreamWord>& words,
                           Rest&... rest) {
#pragma HLS INLINE
        beat.range(kStreamBits * (Port + 1) - 1, kStreamBits * Port) =
            state.packets[Port].next(words, state.phase == kRun, state.phase == kDrop);
        next_words<Port + 1>(state, beat, rest...);
    }

    static void count_beat(State& state) {
#pragma HLS INLINE
        const bool tile_ends = state.beat + 1 == state.operation.beats;
        state.beat = tile_ends ? BeatCount(0) : BeatCount(state.beat + 1);
        if (tile_ends) {
            state.tiles_left = state.tiles_left - 1;
            if (state.tiles_left == 0) {
                state.phase = kIdle;
            }
        }
    }

    static bool all_ended(const State& state) {
#pragma HLS INLINE
        bool ended = true;
    ports:
        for (int port = 0; port < kPorts; ++port) {
#pragma HLS UNROLL
            ended = ended && state.packets[port].ended;
        }
        return ended;
    }

    static Status report(State& state) {
#pragma HLS INLINE
        Status status = 0;
    ports:
        for (int port = 0; port < kPorts; ++port) {
#pragma HLS UNROLL
            status[2 * port] = state.packets[port].early;
            status[2 * port + 1] = state.packets[port].late;
            state.packets[port].restart();
        }
        return status;
    }
};

}  // namespace tritforge
