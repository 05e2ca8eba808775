// SPDX-License-Identifier: Apache-2.0
//
// Code buffer: keeps the int8 codes of one operation and repeats them for every row tile.
//
// What it computes: nothing; it reorders. Codes arrive one element a step and leave five columns a
//                   step, once for every row tile, as the ternary-adder array consumes them.
// Interface:        headers in   one an operation: inputs K, beats (K / 5, rounded up), number of
//                                code vectors (1 to kConsumers) and of row tiles of all matrices;
//                   codes in     K words for lane 0, then K for lane 1, ...; a word holds the
//                                element's code for every consumer, consumer 0 in the low byte;
//                   groups out   beats words for every tile; tile t carries vector t mod vectors,
//                                which is the order of interleaved row tiles;
//                   memory       one RAM a lane, five codes a word, at vector * beats + beat.
// Formats:          codes int8 in +-127; columns beyond K are 0.
// Timing:           one code word in, or one group out, a step. Steps of an operation:
//                   1 + 5 * beats * kLanes + kConsumers + kRamSettleSteps + beats * tiles.
// Assumptions:      a group takes five steps to arrive, in which the previous one is stored, one
//                   vector a step: so at most five consumers (static_assert). The settle steps keep
//                   the distance that Ram asks for.
#pragma once

#include "ap_int.h"
#include "bit_count.hpp"
#include "hls_stream.h"
#include "ram.hpp"
#include "ternary_code.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct CodeBuffer {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kConsumers = Config::kConsumers;
    static constexpr int kCodeBits = Config::kCodeBits;
    static constexpr int kGroupBits = kCodeBits * kTritsPerByte;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kTritsPerByte);
    static constexpr int kSeveral = kConsumers * groups_of(Config::kDim, kTritsPerByte);
    /// Either all consumers of one vector of length dim, or the longest vector for one consumer.
    static constexpr int kWords = kSeveral > kMaximumBeats ? kSeveral : kMaximumBeats;

    static_assert(kConsumers >= 1 && kConsumers <= kTritsPerByte,
                  "storing a group takes one step a consumer and must end within five steps");

    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using VectorCount = ap_uint<bits_for(kConsumers)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using CodeWord = ap_uint<kCodeBits * kConsumers>;
    using Group = ap_uint<kGroupBits>;
    /// Code of lane l, column c in bits 8 * (5 l + c) and up.
    using CodeGroup = ap_uint<kGroupBits * kLanes>;
    using Memory = Ram<Group, kWords>;
    using Address = typename Memory::Address;

    static constexpr int kBeatLow = InputCount::width;
    static constexpr int kVectorLow = kBeatLow + BeatCount::width;
    static constexpr int kTileLow = kVectorLow + VectorCount::width;
    using HeaderWord = ap_uint<kTileLow + TileCount::width>;

    /// One operation: every count is at least 1.
    struct Header {
        InputCount inputs;
        BeatCount beats;
        VectorCount vectors;
        TileCount tiles;

        HeaderWord to_word() const {
            HeaderWord word = 0;
            word.range(kBeatLow - 1, 0) = inputs;
            word.range(kVectorLow - 1, kBeatLow) = beats;
            word.range(kTileLow - 1, kVectorLow) = vectors;
            word.range(HeaderWord::width - 1, kTileLow) = tiles;
            return word;
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            header.inputs = word.range(kBeatLow - 1, 0);
            header.beats = word.range(kVectorLow - 1, kBeatLow);
            header.vectors = word.range(kTileLow - 1, kVectorLow);
            header.tiles = word.range(HeaderWord::width - 1, kTileLow);
            return header;
        }
    };

    enum Phase { kIdle, kLoad, kSettle, kReplay };
    static constexpr int kSettleSteps = kConsumers + kRamSettleSteps;

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kLanes - 1)> lane;
        InputCount input;
        BeatCount beat;
        ap_uint<3> column;
        ap_uint<bits_for(kSettleSteps)> wait;
        VectorCount vector;
        TileCount tiles_left;
        Address address;
        Group arriving[kConsumers];
        Group complete[kConsumers];
        VectorCount stores_left;
        ap_uint<bits_for(kLanes - 1)> store_lane;
        Address store_address;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<CodeWord>& codes,
                     hls::stream<CodeGroup>& groups, Memory (&memory)[kLanes]) {
#pragma HLS INLINE
        store(state, memory);
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()));
        } else if (state.phase == kLoad) {
            load(state, codes);
        } else if (state.phase == kSettle) {
            state.wait = state.wait - 1;
            if (state.wait == 0) {
                state.phase = kReplay;
            }
        } else {
            replay(state, groups, memory);
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.operation = header;
        state.tiles_left = header.tiles;
        state.lane = 0;
        state.input = 0;
        state.beat = 0;
        state.column = 0;
        state.address = 0;
        state.vector = 0;
        state.phase = kLoad;
    }

    static void load(State& state, hls::stream<CodeWord>& codes) {
#pragma HLS INLINE
        CodeWord word = 0;
        if (state.input < state.operation.inputs) {
            word = codes.read();
            state.input = state.input + 1;
        }
    consumers:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            const int low = kCodeBits * consumer;
            const ap_uint<kCodeBits> code = word.range(low + kCodeBits - 1, low);
            // The first column ends up in the low byte after five steps.
            state.arriving[consumer].range(kGroupBits - kCodeBits - 1, 0) =
                ap_uint<kGroupBits - kCodeBits>(
                    state.arriving[consumer].range(kGroupBits - 1, kCodeBits));
            state.arriving[consumer].range(kGroupBits - 1, kGroupBits - kCodeBits) = code;
        }
        const bool group_ends = state.column == kTritsPerByte - 1;
        state.column = group_ends ? ap_uint<3>(0) : ap_uint<3>(state.column + 1);
        if (group_ends) {
            finish_group(state);
        }
    }

    static void finish_group(State& state) {
#pragma HLS INLINE
    hand_over:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            state.complete[consumer] = state.arriving[consumer];
        }
        state.stores_left = state.operation.vectors;
        state.store_lane = state.lane;
        state.store_address = state.beat;
        const bool lane_ends = state.beat + 1 == state.operation.beats;
        state.beat = lane_ends ? BeatCount(0) : BeatCount(state.beat + 1);
        if (lane_ends) {
            state.input = 0;
            if (state.lane == kLanes - 1) {
                state.phase = kSettle;
                state.wait = kSettleSteps;
            } else {
                state.lane = state.lane + 1;
            }
        }
    }

    static void store(State& state, Memory (&memory)[kLanes]) {
#pragma HLS INLINE
        if (state.stores_left != 0) {
        store_lanes:
            for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
                if (state.store_lane == lane) {
                    memory[lane].write(state.store_address, state.complete[0]);
                }
            }
        next_vector:
            for (int consumer = 0; consumer + 1 < kConsumers; ++consumer) {
#pragma HLS UNROLL
                state.complete[consumer] = state.complete[consumer + 1];
            }
            state.store_address = state.store_address + state.operation.beats;
            state.stores_left = state.stores_left - 1;
        }
    }

    static void replay(State& state, hls::stream<CodeGroup>& groups, Memory (&memory)[kLanes]) {
#pragma HLS INLINE
        CodeGroup word = 0;
    replay_lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            word.range(kGroupBits * (lane + 1) - 1, kGroupBits * lane) =
                memory[lane].read(state.address);
        }
        groups.write(word);
        const bool tile_ends = state.beat + 1 == state.operation.beats;
        const bool vectors_end = tile_ends && state.vector + 1 == state.operation.vectors;
        state.beat = tile_ends ? BeatCount(0) : BeatCount(state.beat + 1);
        // Vectors lie one after the other, so the address only ever counts and starts again.
        state.address = vectors_end ? Address(0) : Address(state.address + 1);
        if (tile_ends) {
            state.vector = vectors_end ? VectorCount(0) : VectorCount(state.vector + 1);
            state.tiles_left = state.tiles_left - 1;
            if (state.tiles_left == 0) {
                state.phase = kIdle;
            }
        }
    }
};

}  // namespace tritforge
