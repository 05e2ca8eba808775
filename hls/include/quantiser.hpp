// SPDX-License-Identifier: Apache-2.0
//
// Quantiser: RMSNorm and absmax int8 quantisation of one vector for up to kConsumers BitLinears.
//
// What it computes: RMSNorm and absmax quantisation are both scale invariant, so chained norms
//                   collapse into one gain a consumer (arXiv 2406.02528, section 3.2):
//                     pass 1   u = t * norm_gain,  square_sum = sum of u * u,
//                              v_k = t * gain_k,   absmax_k = max |v_k|
//                     between  the scalar unit turns (absmax_k, square_sum, scale_k) into a code
//                              scale and a dequantisation multiplier
//                     pass 2   q_k = clamp(round(v_k * 127 / absmax_k), -127, 127)
// Interface:        headers in    one a vector: K, consumers in use, shifts and scales;
//                   operands in   K words t;
//                   gains in      K words: norm gain in the low bits, then one gain a consumer;
//                   requests out, responses in   the scalar unit, one of each a consumer;
//                   scales out    (multiplier, shift), one word a consumer, before the codes: a sum
//                                 of the consumer's BitLinear times multiplier * 2**-shift is its
//                                 output;
//                   codes out     K words, one code a consumer, consumer 0 in the low byte; 0 for
//                                 consumers not in use;
//                   memory        v of every consumer; all vectors but the longest fit kDim words.
// Formats:          signed: t kOperandBits, gains kGainBits, u kSquareOperandBits, v kValueBits;
//                   u and v saturate symmetrically; square_sum kSquareSumBits unsigned, saturating;
//                   reciprocal, multiplier and shifts as in scalar_unit.hpp; codes int8 in +-127.
//                   Without a norm gain (has_norm_gain 0), u = t.
// Timing:           both passes take one element a step. Steps of a vector: 1 + K + n + n + K for n
//                   consumers in use, plus waiting for the scalar unit.
// Assumptions:      widths leave no product truncated (static_asserts below). More than one
//                   consumer only with K <= kDim. v is read back kRamSettleSteps or more after it
//                   was written, because the scalar unit takes longer than that.
#pragma once

#include "ap_int.h"
#include "bit_count.hpp"
#include "fixed_point.hpp"
#include "hls_stream.h"
#include "ram.hpp"
#include "scalar_unit.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Quantiser {
    static constexpr int kConsumers = Config::kConsumers;
    static constexpr int kOperandBits = Config::kOperandBits;
    static constexpr int kGainBits = Config::kGainBits;
    static constexpr int kSquareOperandBits = Config::kSquareOperandBits;
    static constexpr int kValueBits = Config::kValueBits;
    static constexpr int kCodeBits = Config::kCodeBits;
    static constexpr int kShiftBits = bits_for(Config::kMaximumInputShift);
    static constexpr int kProductBits = kOperandBits + kGainBits;

    using Scalar = ScalarUnit<Config>;
    using RequestWord = typename Scalar::RequestWord;
    using ResponseWord = typename Scalar::ResponseWord;

    static_assert(kConsumers >= 1, "a quantiser without a consumer has no output");
    static_assert(2 * (kSquareOperandBits - 1) <= Config::kSquareSumBits,
                  "one square must fit the sum of squares");
    static_assert(Config::kCodeLimit == (1 << (kCodeBits - 1)) - 1,
                  "codes are clamped to their symmetric range");
    static_assert(Scalar::kMinimumSteps >= kRamSettleSteps,
                  "pass 2 could read v before pass 1 has stored it");
    static_assert(Config::kMaximumInputs >= Config::kDim,
                  "the longest vector cannot be shorter than dim");

    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using ConsumerCount = ap_uint<bits_for(kConsumers)>;
    using Shift = ap_uint<kShiftBits>;
    using Operand = ap_int<kOperandBits>;
    using Gain = ap_int<kGainBits>;
    using Value = ap_int<kValueBits>;
    using Code = ap_int<kCodeBits>;
    using Absmax = typename Scalar::Absmax;
    using SquareSum = typename Scalar::SquareSum;
    using GainWord = ap_uint<kGainBits * (1 + kConsumers)>;
    using CodeWord = ap_uint<kCodeBits * kConsumers>;
    using ScaleWord = ap_uint<Scalar::kMultiplierBits + Scalar::kShiftBits>;

    /// v of consumer 0, which serves every vector, and of the others, which see at most kDim.
    using LongMemory = Ram<Value, Config::kMaximumInputs>;
    using ShortMemory = Ram<Value, Config::kDim>;
    static constexpr int kShortMemories = kConsumers > 1 ? kConsumers - 1 : 1;

    /// Shift and scale of one consumer, one above the other in the header word.
    struct Output {
        Shift value_shift;
        typename Scalar::Mantissa scale_mantissa;
        typename Scalar::Exponent scale_exponent;
    };
    static constexpr int kMantissaLow = kShiftBits;
    static constexpr int kExponentLow = kMantissaLow + Scalar::kMantissaBits;
    static constexpr int kOutputBits = kExponentLow + Scalar::kExponentBits;

    static constexpr int kConsumersLow = InputCount::width;
    static constexpr int kHasNormGainLow = kConsumersLow + ConsumerCount::width;
    static constexpr int kSquareShiftLow = kHasNormGainLow + 1;
    static constexpr int kOutputsLow = kSquareShiftLow + kShiftBits;
    using HeaderWord = ap_uint<kOutputsLow + kConsumers * kOutputBits>;

    /// One vector: inputs and consumers are at least 1.
    struct Header {
        InputCount inputs;
        ConsumerCount consumers;
        ap_uint<1> has_norm_gain;
        Shift square_shift;
        Output outputs[kConsumers];

        HeaderWord to_word() const {
            HeaderWord word = 0;
            word.range(kConsumersLow - 1, 0) = inputs;
            word.range(kHasNormGainLow - 1, kConsumersLow) = consumers;
            word.range(kHasNormGainLow, kHasNormGainLow) = has_norm_gain;
            word.range(kOutputsLow - 1, kSquareShiftLow) = square_shift;
            for (int consumer = 0; consumer < kConsumers; ++consumer) {
                const int low = kOutputsLow + consumer * kOutputBits;
                const Output& output = outputs[consumer];
                word.range(low + kMantissaLow - 1, low) = output.value_shift;
                word.range(low + kExponentLow - 1, low + kMantissaLow) = output.scale_mantissa;
                word.range(low + kOutputBits - 1, low + kExponentLow) =
                    ap_uint<Scalar::kExponentBits>(output.scale_exponent);
            }
            return word;
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            header.inputs = word.range(kConsumersLow - 1, 0);
            header.consumers = word.range(kHasNormGainLow - 1, kConsumersLow);
            header.has_norm_gain = word.range(kHasNormGainLow, kHasNormGainLow);
            header.square_shift = word.range(kOutputsLow - 1, kSquareShiftLow);
        outputs:
            for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
                const int low = kOutputsLow + consumer * kOutputBits;
                Output& output = header.outputs[consumer];
                output.value_shift = word.range(low + kMantissaLow - 1, low);
                output.scale_mantissa = word.range(low + kExponentLow - 1, low + kMantissaLow);
                const ap_uint<Scalar::kExponentBits> exponent =
                    word.range(low + kOutputBits - 1, low + kExponentLow);
                output.scale_exponent = exponent;
            }
            return header;
        }
    };

    enum Phase { kIdle, kMeasure, kRequest, kReceive, kEncode };

    /// All zero is the idle state.
    struct State {
        ap_uint<3> phase;
        Header vector;
        InputCount input;
        ConsumerCount consumer;
        SquareSum square_sum;
        Absmax absmax[kConsumers];
        typename Scalar::Reciprocal reciprocal[kConsumers];
        typename Scalar::Shift reciprocal_exponent[kConsumers];
        // Sticky: a signal was saturated since the flags were last cleared from outside.
        ap_uint<1> square_operand_saturated;
        ap_uint<1> value_saturated;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Operand>& operands,
                     hls::stream<GainWord>& gains, hls::stream<RequestWord>& requests,
                     hls::stream<ResponseWord>& responses, hls::stream<ScaleWord>& scales,
                     hls::stream<CodeWord>& codes, LongMemory& long_memory,
                     ShortMemory (&short_memories)[kShortMemories]) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()));
        } else if (state.phase == kMeasure) {
            measure(state, operands.read(), gains.read(), long_memory, short_memories);
        } else if (state.phase == kRequest) {
            request(state, requests);
        } else if (state.phase == kReceive) {
            receive(state, responses, scales);
        } else {
            codes.write(encode(state, long_memory, short_memories));
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.vector = header;
        state.input = 0;
        state.consumer = 0;
        state.square_sum = 0;
    clear_absmax:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            state.absmax[consumer] = 0;
        }
        state.phase = kMeasure;
    }

    static void measure(State& state, const Operand& operand, const GainWord& gains,
                        LongMemory& long_memory, ShortMemory (&short_memories)[kShortMemories]) {
#pragma HLS INLINE
        add_square(state, operand, gain_of(gains, 0));
    consumers:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            if (consumer < state.vector.consumers) {
                const Value value = scale(state, operand, gain_of(gains, 1 + consumer), consumer);
                if (consumer == 0) {
                    long_memory.write(state.input, value);
                } else {
                    short_memories[consumer - 1].write(state.input, value);
                }
            }
        }
        count_input(state, kRequest);
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
            state.square_operand_saturated = 1;
        }
        const ap_int<2 * kSquareOperandBits> square = u.value * u.value;
        const ap_uint<Config::kSquareSumBits + 1> sum =
            state.square_sum + ap_uint<2 * kSquareOperandBits - 1>(square);
        const bool overflow = sum[Config::kSquareSumBits];
        state.square_sum = overflow ? SquareSum(~SquareSum(0)) : SquareSum(sum);
    }

    static Value scale(State& state, const Operand& operand, const Gain& gain, int consumer) {
#pragma HLS INLINE
        const ap_int<kProductBits> product = operand * gain;
        const Saturated<kValueBits> v = saturate<kValueBits>(
            round_half_up_shift(product, state.vector.outputs[consumer].value_shift));
        if (v.clipped) {
            state.value_saturated = 1;
        }
        const Absmax magnitude = v.value < 0 ? Absmax(-v.value) : Absmax(v.value);
        if (magnitude > state.absmax[consumer]) {
            state.absmax[consumer] = magnitude;
        }
        return v.value;
    }

    static void request(State& state, hls::stream<RequestWord>& requests) {
#pragma HLS INLINE
        typename Scalar::Request word;
        word.square_sum = state.square_sum;
        word.absmax = state.absmax[0];
        word.scale_mantissa = state.vector.outputs[0].scale_mantissa;
        word.scale_exponent = state.vector.outputs[0].scale_exponent;
    select:
        for (int consumer = 1; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            if (state.consumer == consumer) {
                word.absmax = state.absmax[consumer];
                word.scale_mantissa = state.vector.outputs[consumer].scale_mantissa;
                word.scale_exponent = state.vector.outputs[consumer].scale_exponent;
            }
        }
        requests.write(word.to_word());
        count_consumer(state, kReceive);
    }

    static void receive(State& state, hls::stream<ResponseWord>& responses,
                        hls::stream<ScaleWord>& scales) {
#pragma HLS INLINE
        const typename Scalar::Response response = Scalar::Response::from_word(responses.read());
    store:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            if (state.consumer == consumer) {
                state.reciprocal[consumer] = response.reciprocal;
                state.reciprocal_exponent[consumer] = response.reciprocal_exponent;
            }
        }
        ScaleWord scale = 0;
        scale.range(Scalar::kMultiplierBits - 1, 0) = response.multiplier;
        scale.range(ScaleWord::width - 1, Scalar::kMultiplierBits) = response.shift;
        scales.write(scale);
        count_consumer(state, kEncode);
    }

    static CodeWord encode(State& state, LongMemory& long_memory,
                           ShortMemory (&short_memories)[kShortMemories]) {
#pragma HLS INLINE
        CodeWord word = 0;
    encode_consumers:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
            if (consumer < state.vector.consumers) {
                const Value value = consumer == 0 ? long_memory.read(state.input)
                                                  : short_memories[consumer - 1].read(state.input);
                word.range(kCodeBits * (consumer + 1) - 1, kCodeBits * consumer) =
                    ap_uint<kCodeBits>(code_of(state, value, consumer));
            }
        }
        count_input(state, kIdle);
        return word;
    }

    static Code code_of(const State& state, const Value& value, int consumer) {
#pragma HLS INLINE
        const ap_int<kValueBits + Scalar::kReciprocalBits + 1> product =
            value * state.reciprocal[consumer];
        // Clipping here is no saturation: v * 127 / absmax leaves +-127 by rounding only.
        return saturate<kCodeBits>(
                   round_half_up_shift(product, state.reciprocal_exponent[consumer]))
            .value;
    }

    static void count_input(State& state, Phase next) {
#pragma HLS INLINE
        const bool last = state.input + 1 == state.vector.inputs;
        state.input = last ? InputCount(0) : InputCount(state.input + 1);
        if (last) {
            state.phase = next;
        }
    }

    static void count_consumer(State& state, Phase next) {
#pragma HLS INLINE
        const bool last = state.consumer + 1 == state.vector.consumers;
        state.consumer = last ? ConsumerCount(0) : ConsumerCount(state.consumer + 1);
        if (last) {
            state.phase = next;
        }
    }
};

}  // namespace tritforge
