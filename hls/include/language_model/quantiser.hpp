// SPDX-License-Identifier: Apache-2.0
//
// Quantiser: RMSNorm and absmax int8 quantisation of kLanes vectors for up to kConsumers
// BitLinears.
//
// What it computes: RMSNorm and absmax quantisation are both scale invariant, so chained norms
//                   collapse into one gain per consumer (arXiv 2406.02528, section 3.2):
//                     measure  u = t * norm_gain,  square_sum = offset + sum of u * u,
//                              v_k = t * gain_k,   absmax_k = max |v_k|
//                     between  the scalar unit turns (absmax_k, square_sum, scale_k) into a code
//                              scale and a dequantisation multiplier
//                     encode   q_k = round(v_k * 127 / absmax_k)
//                   Measuring keeps pace with the elements as they are produced, and encoding with
//                   the ternary-adder array, so neither costs the weight stream a cycle.
// Interface:        headers in    one per operation: K, consumers in use, shifts, scales, and the
// offset of
//                                 the squares (the epsilon of the norms);
//                                 without consumers the elements are read and dropped;
//                   operands in   t in element order (tile_order.hpp), padded rows included;
//                   gains in      K words: norm gain in the low bits, then one gain per consumer;
//                   requests out, responses in   the scalar unit: consumer 0 of every lane, ...;
//                   scales out    (multiplier, shift), one word per response, in the same order: a
//                                 sum of the consumer's BitLinear times multiplier * 2**-shift is
//                                 its output;
//                   groups out    beats words for consumer 0, then for consumer 1, ...: the codes
//                                 of five columns of every lane;
//                   status out    for a header with `end`: saturation flags since the last one;
//                   memories      one RAM per lane: five v per word, at consumer * beats + beat.
// Formats:          signed: t kOperandBits, gains kGainBits, u kSquareOperandBits, v kValueBits;
//                   u and v saturate symmetrically; square_sum kSquareSumBits unsigned, saturating;
//                   reciprocal, multiplier and shifts as in scalar_unit.hpp; codes int8 in +-127.
//                   Without a norm gain (has_norm_gain 0), u = t. Columns beyond K have any code.
// Timing:           one element per step, then one request per step, then one group per step. Steps
//                   of an operation: 1 + tiles * kRows * kLanes + n * kLanes + n * (kLanes + beats)
//                   for n consumers, plus waiting for the scalar unit, plus the steps in which a
//                   lane's group is complete before that of the lane before it is stored.
// Assumptions:      widths leave no product truncated (static_asserts below). More than one
//                   consumer only with K <= kDim. v is read back kRamSettleSteps or more after it
//                   was written, because the scalar unit takes longer than that.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/fixed_point.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "language_model/scalar_unit.hpp"
#include "language_model/ternary_code.hpp"
#include "language_model/tile_order.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Quantiser {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kRows = Config::kRowsPerBeat;
    static constexpr int kConsumers = Config::kConsumers;
    static constexpr int kOperandBits = Config::kOperandBits;
    static constexpr int kGainBits = Config::kGainBits;
    static constexpr int kSquareOperandBits = Config::kSquareOperandBits;
    static constexpr int kValueBits = Config::kValueBits;
    static constexpr int kCodeBits = Config::kCodeBits;
    static constexpr int kShiftBits = bits_for(Config::kMaximumInputShift);
    static constexpr int kProductBits = kOperandBits + kGainBits;
    static constexpr int kColumns = kTritsPerByte;
    static constexpr int kMaximumBeats = groups_of(Config::kMaximumInputs, kColumns);
    static constexpr int kSeveral = kConsumers * groups_of(Config::kDim, kColumns);
    /// Either all consumers of one vector of length dim, or the longest vector for one consumer.
    static constexpr int kWords = kSeveral > kMaximumBeats ? kSeveral : kMaximumBeats;

    using Scalar = ScalarUnit<Config>;
    using RequestWord = typename Scalar::RequestWord;
    using ResponseWord = typename Scalar::ResponseWord;

    static_assert(kConsumers == 3, "headers and gain words have fields for three consumers");
    static_assert(kConsumers <= kColumns,
                  "storing a group takes one step a consumer and must end within five steps");
    static_assert(2 * (kSquareOperandBits - 1) <= Config::kSquareSumBits,
                  "one square must fit the sum of squares");
    static_assert(Config::kCodeLimit == (1 << (kCodeBits - 1)) - 1,
                  "codes are clamped to their symmetric range");
    static_assert(Scalar::kMinimumSteps >= kRamSettleSteps + kConsumers,
                  "a group could be read before it is stored");
    static_assert(Config::kMaximumInputs >= Config::kDim,
                  "the longest vector cannot be shorter than dim");
    static_assert(kRows >= kRamSettleSteps, "a gain could be read again before it is stored");

    using Order = TileOrder<Config, Config::kMaximumInputs>;
    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using BeatCount = ap_uint<bits_for(kMaximumBeats)>;
    using ConsumerCount = ap_uint<bits_for(kConsumers)>;
    using Lane = typename Order::Lane;
    using Column = ap_uint<bits_for(kColumns - 1)>;
    using Shift = ap_uint<kShiftBits>;
    using Operand = ap_int<kOperandBits>;
    using Gain = ap_int<kGainBits>;
    using Value = ap_int<kValueBits>;
    using Absmax = typename Scalar::Absmax;
    using SquareSum = typename Scalar::SquareSum;
    using GainWord = ap_uint<kGainBits * (1 + kConsumers)>;
    /// Code of lane l, column c in bits 8 * (5 l + c) and up.
    using CodeGroup = ap_uint<kCodeBits * kColumns * kLanes>;
    using ScaleWord = FieldsWord<typename Scalar::Multiplier, typename Scalar::Shift>;
    enum Flag { kSquareOperandFlag, kSquareSumFlag, kValueFlag, kMultiplierFlag, kFlags };
    using Status = ap_uint<kFlags>;

    /// Column c in bits kValueBits * c and up.
    using Group = ap_uint<kValueBits * kColumns>;
    /// One step short of an output register, which would ask for a longer way from the last store
    /// to the first read than some words leave whose answers come at once.
    using Memory = Ram<Group, kWords, kRamSettleSteps - 1>;
    using Address = typename Memory::Address;
    /// Gains of a tile, for the lanes after the first one.
    using GainMemory = Ram<GainWord, kRows>;

    /// Shift and scale of one consumer.
    struct Output {
        Shift value_shift;
        typename Scalar::Mantissa scale_mantissa;
        typename Scalar::Exponent scale_exponent;

        using Word = FieldsWord<Shift, typename Scalar::Mantissa, typename Scalar::Exponent>;

        Word to_word() const {
#pragma HLS INLINE
            return pack_fields<Word>(value_shift, scale_mantissa, scale_exponent);
        }

        static Output from_word(const Word& word) {
#pragma HLS INLINE
            Output output;
            unpack_fields(word, output.value_shift, output.scale_mantissa, output.scale_exponent);
            return output;
        }
    };

    using OutputWord = typename Output::Word;
    using HeaderWord = FieldsWord<ap_uint<1>, InputCount, BeatCount, ConsumerCount, ap_uint<1>,
                                  Shift, SquareSum, OutputWord, OutputWord, OutputWord>;

    /// One operation: inputs at least 1, beats = inputs / 5, rounded up.
    struct Header {
        ap_uint<1> end;
        InputCount inputs;
        BeatCount beats;
        ConsumerCount consumers;
        ap_uint<1> has_norm_gain;
        Shift square_shift;
        SquareSum square_offset;
        Output outputs[kConsumers];

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(end, inputs, beats, consumers, has_norm_gain,
                                           square_shift, square_offset, outputs[0].to_word(),
                                           outputs[1].to_word(), outputs[2].to_word());
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            OutputWord first, second, third;
            unpack_fields(word, header.end, header.inputs, header.beats, header.consumers,
                          header.has_norm_gain, header.square_shift, header.square_offset, first,
                          second, third);
            header.outputs[0] = Output::from_word(first);
            header.outputs[1] = Output::from_word(second);
            header.outputs[2] = Output::from_word(third);
            return header;
        }
    };

    enum Phase { kIdle, kMeasure, kRequest, kReceive, kEncode };

    /// All zero is the idle state.
    struct State {
        ap_uint<3> phase;
        Header vector;
        Order at;
        // Where the element lies within its lane's groups, and where the tile began.
        Column column;
        Column first_column;
        BeatCount beat;
        BeatCount first_beat;
        Lane lane;
        ConsumerCount consumer;
        // Both as they are at the end, so that nothing is added up to see it.
        BeatCount last_beat;
        ConsumerCount last_consumer;
        SquareSum square_sum[kLanes];
        Absmax absmax[kLanes][kConsumers];
        // Groups that are not complete yet, and those of one lane that are being stored.
        Value arriving[kLanes][kConsumers][kColumns - 1];
        Group complete[kConsumers];
        ConsumerCount stores_left;
        Lane store_lane;
        Address store_address;
        // Code scales of the consumer that is encoded.
        typename Scalar::Reciprocal reciprocal[kLanes];
        typename Scalar::Shift reciprocal_exponent[kLanes];
        Address address;
        Status saturated;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Operand>& operands,
                     hls::stream<GainWord>& gains, hls::stream<ResponseWord>& responses,
                     hls::stream<RequestWord>& requests, hls::stream<ScaleWord>& scales,
                     hls::stream<CodeGroup>& groups, hls::stream<Status>& status,
                     Memory (&memories)[kLanes], GainMemory& gain_memory) {
#pragma HLS INLINE
        // A lane may complete a group only when that of the lane before it is (almost) stored.
        const bool must_wait = state.stores_left > 1 && completes_group(state);
        store(state, memories);
        if (state.phase == kIdle) {
            const Header header = Header::from_word(headers.read());
            if (header.end == 1) {
                status.write(state.saturated);
                state.saturated = 0;
            } else {
                start(state, header);
            }
        } else if (state.phase == kMeasure) {
            if (!must_wait) {
                measure(state, operands.read(), gains, gain_memory);
            }
        } else if (state.phase == kRequest) {
            request(state, requests);
        } else if (state.phase == kReceive) {
            receive(state, responses, scales);
        } else {
            groups.write(encode(state, memories));
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.vector = header;
        state.at.restart(header.inputs);
        state.column = 0;
        state.first_column = 0;
        state.beat = 0;
        state.first_beat = 0;
        state.lane = 0;
        state.consumer = 0;
        state.last_beat = header.beats - 1;
        state.last_consumer = header.consumers - 1;
        state.address = 0;
    clear_lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            state.square_sum[lane] = header.square_offset;
        clear_absmax:
            for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
                state.absmax[lane][consumer] = 0;
            }
        }
        state.phase = kMeasure;
    }

    static bool completes_group(const State& state) {
#pragma HLS INLINE
        return state.column == kColumns - 1 || state.at.is_last();
    }

    static void measure(State& state, const Operand& operand, hls::stream<GainWord>& gains,
                        GainMemory& gain_memory) {
#pragma HLS INLINE
        if (state.vector.consumers != 0 && state.at.inside()) {
            const GainWord word = gains_of_row(state, gains, gain_memory);
            add_square(state, operand, gain_of(word, 0));
            const bool complete = completes_group(state);
        consumers:
            for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
                const Value value = scale(state, operand, gain_of(word, 1 + consumer), consumer);
                collect(state, value, consumer, complete);
            }
            if (complete) {
                state.stores_left = state.vector.consumers;
                state.store_lane = state.at.lane;
                state.store_address = state.beat;
            }
            if (state.column == kColumns - 1) {
                state.column = 0;
                state.beat = state.beat + 1;
            } else {
                state.column = state.column + 1;
            }
        }
        next_element(state);
    }

    /// The first lane takes the gains from the stream, the others see the same ones again.
    static GainWord gains_of_row(State& state, hls::stream<GainWord>& gains,
                                 GainMemory& gain_memory) {
#pragma HLS INLINE
        if (kLanes == 1) {
            return gains.read();
        }
        if (state.at.lane == 0) {
            const GainWord word = gains.read();
            gain_memory.write(state.at.row, word);
            return word;
        }
        return gain_memory.read(state.at.row);
    }

    static Gain gain_of(const GainWord& gains, int slot) {
#pragma HLS INLINE
        const ap_uint<kGainBits> bits = gains.range(kGainBits * (slot + 1) - 1, kGainBits * slot);
        return bits;
    }

    static void add_square(State& state, const Operand& operand, const Gain& gain) {
#pragma HLS INLINE
        const ap_int<kProductBits> product = operand * gain;
        const ap_int<kProductBits> scaled =
            state.vector.has_norm_gain == 1 ? product : ap_int<kProductBits>(operand);
        const Saturated<kSquareOperandBits> u =
            saturate<kSquareOperandBits>(round_half_up_shift(scaled, state.vector.square_shift));
        if (u.clipped) {
            state.saturated[kSquareOperandFlag] = 1;
        }
        const ap_int<2 * kSquareOperandBits> square = u.value * u.value;
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.at.lane == lane) {
                const ap_uint<Config::kSquareSumBits + 1> sum =
                    state.square_sum[lane] + ap_uint<2 * kSquareOperandBits - 1>(square);
                const bool overflow = sum[Config::kSquareSumBits];
                if (overflow) {
                    state.saturated[kSquareSumFlag] = 1;
                }
                state.square_sum[lane] = overflow ? SquareSum(~SquareSum(0)) : SquareSum(sum);
            }
        }
    }

    /// v of one consumer; only consumers in use count.
    static Value scale(State& state, const Operand& operand, const Gain& gain, int consumer) {
#pragma HLS INLINE
        const bool used = consumer < state.vector.consumers;
        const ap_int<kProductBits> product = operand * gain;
        const Saturated<kValueBits> v = saturate<kValueBits>(
            round_half_up_shift(product, state.vector.outputs[consumer].value_shift));
        if (used && v.clipped) {
            state.saturated[kValueFlag] = 1;
        }
        const Absmax magnitude = v.value < 0 ? Absmax(-v.value) : Absmax(v.value);
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (used && state.at.lane == lane && magnitude > state.absmax[lane][consumer]) {
                state.absmax[lane][consumer] = magnitude;
            }
        }
        return v.value;
    }

    /// Puts v at its column; a complete group moves on to be stored.
    static void collect(State& state, const Value& value, int consumer, bool complete) {
#pragma HLS INLINE
        Group group = 0;
    columns:
        for (int column = 0; column < kColumns; ++column) {
#pragma HLS UNROLL
            Value kept = value;
        lanes:
            for (int lane = 0; lane < kLanes && column < kColumns - 1; ++lane) {
#pragma HLS UNROLL
                if (state.at.lane == lane) {
                    if (state.column == column) {
                        state.arriving[lane][consumer][column] = value;
                    }
                    kept = state.arriving[lane][consumer][column];
                }
            }
            group.range(kValueBits * (column + 1) - 1, kValueBits * column) =
                ap_uint<kValueBits>(kept);
        }
        if (complete) {
            state.complete[consumer] = group;
        }
    }

    static void next_element(State& state) {
#pragma HLS INLINE
        const bool end_of_vectors = state.at.ends_vectors();
        if (state.at.ends_tile()) {
            state.first_column = state.column;
            state.first_beat = state.beat;
        } else if (state.at.ends_lane()) {
            state.column = state.first_column;
            state.beat = state.first_beat;
        }
        state.at.advance();
        if (end_of_vectors) {
            state.phase = state.vector.consumers == 0 ? kIdle : kRequest;
        }
    }

    static void store(State& state, Memory (&memories)[kLanes]) {
#pragma HLS INLINE
        if (state.stores_left != 0) {
        lanes:
            for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
                if (state.store_lane == lane) {
                    memories[lane].write(state.store_address, state.complete[0]);
                }
            }
        next_consumer:
            for (int consumer = 0; consumer + 1 < kConsumers; ++consumer) {
#pragma HLS UNROLL
                state.complete[consumer] = state.complete[consumer + 1];
            }
            state.store_address = state.store_address + state.vector.beats;
            state.stores_left = state.stores_left - 1;
        }
    }

    static void request(State& state, hls::stream<RequestWord>& requests) {
#pragma HLS INLINE
        typename Scalar::Request word;
        word.square_sum = state.square_sum[0];
        word.absmax = state.absmax[0][0];
        word.scale_mantissa = state.vector.outputs[0].scale_mantissa;
        word.scale_exponent = state.vector.outputs[0].scale_exponent;
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.lane == lane) {
                word.square_sum = state.square_sum[lane];
            }
        consumers:
            for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
                if (state.lane == lane && state.consumer == consumer) {
                    word.absmax = state.absmax[lane][consumer];
                    word.scale_mantissa = state.vector.outputs[consumer].scale_mantissa;
                    word.scale_exponent = state.vector.outputs[consumer].scale_exponent;
                }
            }
        }
        requests.write(word.to_word());
        if (next_lane(state)) {
            const bool last = state.consumer == state.last_consumer;
            state.consumer = last ? ConsumerCount(0) : ConsumerCount(state.consumer + 1);
            if (last) {
                state.phase = kReceive;
            }
        }
    }

    static bool next_lane(State& state) {
#pragma HLS INLINE
        const bool last = state.lane == kLanes - 1;
        state.lane = last ? Lane(0) : Lane(state.lane + 1);
        return last;
    }

    static void receive(State& state, hls::stream<ResponseWord>& responses,
                        hls::stream<ScaleWord>& scales) {
#pragma HLS INLINE
        const typename Scalar::Response response = Scalar::Response::from_word(responses.read());
    store:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.lane == lane) {
                state.reciprocal[lane] = response.reciprocal;
                state.reciprocal_exponent[lane] = response.reciprocal_exponent;
            }
        }
        if (response.saturated == 1) {
            state.saturated[kMultiplierFlag] = 1;
        }
        scales.write(pack_fields<ScaleWord>(response.multiplier, response.shift));
        if (next_lane(state)) {
            state.beat = 0;
            state.phase = kEncode;
        }
    }

    static CodeGroup encode(State& state, Memory (&memories)[kLanes]) {
#pragma HLS INLINE
        CodeGroup codes = 0;
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            const Group group = memories[lane].read(state.address);
        columns:
            for (int column = 0; column < kColumns; ++column) {
#pragma HLS UNROLL
                const ap_uint<kValueBits> bits =
                    group.range(kValueBits * (column + 1) - 1, kValueBits * column);
                const int low = kCodeBits * (kColumns * lane + column);
                codes.range(low + kCodeBits - 1, low) = code_of(state, Value(bits), lane);
            }
        }
        state.address = state.address + 1;
        if (state.beat == state.last_beat) {
            state.phase = state.consumer == state.last_consumer ? kIdle : kReceive;
            state.consumer = state.consumer + 1;
        }
        state.beat = state.beat + 1;
        return codes;
    }

    static ap_uint<kCodeBits> code_of(const State& state, const Value& value, int lane) {
#pragma HLS INLINE
        const ap_int<kValueBits + Scalar::kReciprocalBits + 1> product =
            value * state.reciprocal[lane];
        // The reciprocal is off by less than half its last bit and |v| <= absmax, so the product
        // rounds to at most 127: there is nothing to clip.
        return ap_uint<kCodeBits>(round_half_up_shift(product, state.reciprocal_exponent[lane]));
    }
};

}  // namespace tritforge
