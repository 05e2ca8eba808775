// SPDX-License-Identifier: Apache-2.0
//
// Weight buffer: takes the weight stream apart, and repeats a slice of weights for all tokens.
//
// What it computes: nothing; words of the stream become factors, and right operands of the array.
//                   Golden model: tritforge/ivit/golden/weight_buffer.py.
// Interface:        headers in  one per operation: whether it is a norm, slices of kFeatures
//                               features, numbers of a row, and groups of tokens; or the run's end;
//                   words in    one packet per run: for every slice two words per feature (bias and
//                               multiplier, shift), then for every number of a row the weights of
//                               all features, a byte each in whole words; of a norm two words per
//                               channel;
//                   factors out bias, multiplier and shift of every feature, for requantise.hpp;
//                   gains out   the same of a norm, whose multipliers have a sign;
//                   rights out  the weights of a slice, number by number, for every group again;
//                   status out  one per run: whether the packet ended early, and late;
//                   memories    two slices, one memory per feature.
// Formats:          bias 32 signed bits; multipliers kMultiplier and kGain bits; weights 8 bits.
// Timing:           one word, and beside it one beat, per step: the next slice arrives while one is
//                   repeated. Per operation 1 step and the words of the first slice, then for every
//                   slice kSettleSteps and the longer of its beats and the words of the next one.
// Assumptions:      a weight is read kRamSettleSteps or more after it was written: the unit waits
//                   before each slice. The consumer of the factors takes those of a slice before
//                   its sums, so its FIFO holds two slices: else the buffer would wait for it, and
//                   it for the buffer.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/requantise.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct WeightBuffer {
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kBits = Array::kRightBits;
    static constexpr int kLanesPerWord = kStreamBits / kBits;
    /// Words with the weights of one number of a row.
    static constexpr int kParts = groups_of(kFeatures, kLanesPerWord);
    static constexpr int kWords = 2 * Config::kMaximumInputs;
    static constexpr int kSettleSteps = kRamSettleSteps;

    static_assert(kBits * kLanesPerWord == kStreamBits, "a word holds whole weights");

    using Weight = ap_int<kBits>;
    using Rights = typename Array::Rights;
    using FactorWord = typename Requant::FactorWord;
    using Bias = typename Requant::Bias;
    using Factor = typename Requant::Factor;
    using Gain = ap_int<Config::kGain + 1>;
    using GainWord = FieldsWord<Bias, Gain, typename Factor::Shift>;
    using Status = ap_uint<2>;
    using Memory = Ram<Weight, kWords>;
    using Address = typename Memory::Address;
    using SliceCount = typename Requant::SliceCount;
    using GroupCount = typename Requant::GroupCount;
    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using ChannelCount =
        ap_uint<bits_for(kFeatures > Config::kMaximumInputs ? kFeatures : Config::kMaximumInputs)>;
    using PartIndex = ap_uint<bits_for(kParts)>;

    enum Kind { kLinear, kNorm, kEnd };

    using KindCode = ap_uint<2>;
    using HeaderWord = FieldsWord<KindCode, SliceCount, InputCount, GroupCount>;

    /// One operation: all counts are at least 1. A norm is one slice.
    struct Header {
        KindCode kind;
        SliceCount slices;
        InputCount inputs;
        GroupCount groups;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(kind, slices, inputs, groups); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.kind, header.slices, header.inputs, header.groups);
            return header;
        }
    };

    enum Phase { kIdle, kRun, kSettle, kDrop };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        PacketReader packet;
        ap_uint<bits_for(kSettleSteps)> settled;
        // What is being loaded: channels whose factors are missing, the first word of a factor,
        // input and part of the weights.
        bool loads;
        bool has_first;
        StreamData first;
        SliceCount slices_to_load;
        ChannelCount channels_left;
        InputCount load_input;
        PartIndex part;
        // What is being repeated.
        bool repeats;
        SliceCount slices_to_repeat;
        GroupCount groups_left;
        InputCount input;
        // The half of the memories that is loaded; the other one is repeated.
        ap_uint<1> half;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<StreamWord>& words,
                     hls::stream<FactorWord>& factors, hls::stream<GainWord>& gains,
                     hls::stream<Rights>& rights, hls::stream<Status>& status,
                     Memory (&memories)[kFeatures]) {
#pragma HLS INLINE
        const bool takes = state.phase == kRun && state.loads;
        const StreamData data = state.packet.next(words, takes, state.phase == kDrop);
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()));
        } else if (state.phase == kRun) {
            const bool repeats = state.repeats;
            if (repeats) {
                rights.write(next_beat(state, memories));
            }
            if (takes) {
                load(state, data, factors, gains, memories);
            }
            if (!state.loads && !state.repeats) {
                state.settled = 0;
                state.phase = state.slices_to_repeat == 0 ? kIdle : kSettle;
            }
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                next_slice(state);
            }
        } else if (state.packet.ended) {
            Status report = 0;
            report[0] = state.packet.early;
            report[1] = state.packet.late;
            status.write(report);
            state.packet.restart();
            state.phase = kIdle;
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.operation = header;
        state.slices_to_load = header.slices;
        state.slices_to_repeat = header.kind == kNorm ? SliceCount(0) : header.slices;
        state.half = 0;
        state.repeats = false;
        start_load(state);
        state.phase = header.kind == kEnd ? kDrop : kRun;
    }

    static void start_load(State& state) {
#pragma HLS INLINE
        state.loads = true;
        state.has_first = false;
        state.channels_left = state.operation.kind == kNorm ? ChannelCount(state.operation.inputs)
                                                            : ChannelCount(kFeatures);
        state.load_input = 0;
        state.part = 0;
    }

    /// The slice that was loaded is repeated, and the next one is loaded into its place.
    static void next_slice(State& state) {
#pragma HLS INLINE
        state.half = ~state.half;
        state.repeats = true;
        state.groups_left = state.operation.groups;
        state.input = 0;
        state.slices_to_repeat = state.slices_to_repeat - 1;
        if (state.slices_to_load != 0) {
            start_load(state);
        }
        state.phase = kRun;
    }

    static Address address_of(const ap_uint<1>& half, const InputCount& input) {
#pragma HLS INLINE
        return half == 1 ? Address(input + Config::kMaximumInputs) : Address(input);
    }

    static Rights next_beat(State& state, Memory (&memories)[kFeatures]) {
#pragma HLS INLINE
        Rights beat = 0;
        const Address address = address_of(~state.half, state.input);
    read_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
            beat.range(kBits * (feature + 1) - 1, kBits * feature) =
                ap_uint<kBits>(memories[feature].read(address));
        }
        state.input = state.input + 1;
        if (state.input == state.operation.inputs) {
            state.input = 0;
            state.groups_left = state.groups_left - 1;
            state.repeats = state.groups_left != 0;
        }
        return beat;
    }

    /// One word of the stream.
    static void load(State& state, const StreamData& data, hls::stream<FactorWord>& factors,
                     hls::stream<GainWord>& gains, Memory (&memories)[kFeatures]) {
#pragma HLS INLINE
        if (state.channels_left != 0) {
            const bool is_second = state.has_first;
            const bool is_norm = state.operation.kind == kNorm;
            const ap_uint<Bias::width> bias = state.first.range(Bias::width - 1, 0);
            const ap_uint<32> multiplier = state.first.range(63, 32);
            const typename Factor::Shift shift = data.range(Factor::Shift::width - 1, 0);
            if (is_second && is_norm) {
                gains.write(pack_fields<GainWord>(Bias(bias), Gain(multiplier), shift));
            }
            if (is_second && !is_norm) {
                factors.write(pack_fields<FactorWord>(
                    Bias(bias), typename Factor::Multiplier(multiplier), shift));
            }
            state.first = data;
            state.has_first = !is_second;
            if (is_second) {
                state.channels_left = state.channels_left - 1;
                if (is_norm && state.channels_left == 0) {
                    end_load(state);
                }
            }
            return;
        }
        const Address address = address_of(state.half, state.load_input);
    write_features:
        for (int feature = 0; feature < kFeatures; ++feature) {
#pragma HLS UNROLL
            const int low = kBits * (feature % kLanesPerWord);
            const ap_uint<kBits> bits = data.range(low + kBits - 1, low);
            if (state.part == feature / kLanesPerWord) {
                memories[feature].write(address, Weight(bits));
            }
        }
        state.part = state.part + 1;
        if (state.part == kParts) {
            state.part = 0;
            state.load_input = state.load_input + 1;
        }
        if (state.load_input == state.operation.inputs) {
            end_load(state);
        }
    }

    static void end_load(State& state) {
#pragma HLS INLINE
        state.loads = false;
        state.slices_to_load = state.slices_to_load - 1;
    }
};

}  // namespace tritforge
