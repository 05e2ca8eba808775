// SPDX-License-Identifier: Apache-2.0
//
// Requantisation behind I-LayerNorm: normalised tokens to codes, with a gain per channel.
//
// What it computes: out = clamp(round_half_even(x * gain / 2**shift)), gain and shift of x's
//                   channel. Golden model: tritforge/ivit/golden/requantise.py.
// Interface:        headers in  one per norm: channels and tokens;
//                   gains in    bias, gain and shift of every channel, from the weight buffer;
//                   biases out  the biases, kElements per word, for layer_norm.hpp;
//                   inputs in   normalised tokens, kElements channels per word;
//                   outputs out the same words requantised;
//                   memory      gain and shift of kElements channels per word.
// Formats:          x signed kResultBits of I-LayerNorm; gain signed; out signed kActivation bits.
// Timing:           one gain, then one word per step; 1 + kSettleSteps steps more per header.
// Assumptions:      a gain is read kRamSettleSteps or more after it was written: the unit waits.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "ivit/dyadic.hpp"
#include "ivit/layer_norm.hpp"
#include "ivit/weight_buffer.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct NormRequantise {
    using Buffer = WeightBuffer<Config>;
    using Norm = LayerNorm<typename Config::LayerNormConfig>;
    static constexpr int kElements = Norm::kElements;
    static constexpr int kInputBits = Norm::kResultBits;
    static constexpr int kBits = Config::kActivation;
    static constexpr int kSettleSteps = kRamSettleSteps;

    using Bias = typename Buffer::Bias;
    using Gain = typename Buffer::Gain;
    using Shift = typename Buffer::Factor::Shift;
    using GainWord = typename Buffer::GainWord;
    using BiasWord = typename Norm::BiasWord;
    using InputWord = typename Norm::OutputWord;
    using OutputWord = ap_uint<kElements * kBits>;
    static constexpr int kFactorBits = Gain::width + Shift::width;
    using FactorWord = ap_uint<kElements * kFactorBits>;
    static constexpr int kWords = groups_of(Config::kDim, kElements);
    using Memory = Ram<FactorWord, kWords>;
    using Channel = ap_uint<bits_for(Config::kDim)>;
    using TokenCount = ap_uint<bits_for(Config::kTokens)>;
    using HeaderWord = FieldsWord<Channel, TokenCount>;

    static_assert(Norm::kBiasBits == Bias::width, "a bias is not cut");

    /// One norm: both counts are at least 1.
    struct Header {
        Channel channels;
        TokenCount tokens;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(channels, tokens); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.channels, header.tokens);
            return header;
        }
    };

    enum Phase { kIdle, kGains, kSettle, kRun };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kSettleSteps)> settled;
        Channel channels_left;
        TokenCount tokens_left;
        typename Memory::Address word;
        ap_uint<bits_for(kElements)> place;
        BiasWord biases;
        FactorWord factors;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<GainWord>& gains,
                     hls::stream<InputWord>& inputs, hls::stream<BiasWord>& biases,
                     hls::stream<OutputWord>& outputs, Memory& memory) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            state.operation = Header::from_word(headers.read());
            state.tokens_left = state.operation.tokens;
            state.settled = 0;
            restart_row(state);
            state.phase = kGains;
        } else if (state.phase == kGains) {
            collect(state, gains.read());
            state.channels_left = state.channels_left - 1;
            if (state.place == kElements || state.channels_left == 0) {
                biases.write(state.biases);
                memory.write(state.word, state.factors);
                state.word = state.word + 1;
                state.place = 0;
            }
            if (state.channels_left == 0) {
                restart_row(state);
                state.phase = kSettle;
            }
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                state.phase = kRun;
            }
        } else {
            outputs.write(requantised(inputs.read(), memory.read(state.word)));
            state.word = state.word + 1;
            if (state.channels_left <= kElements) {
                state.tokens_left = state.tokens_left - 1;
                restart_row(state);
            } else {
                state.channels_left = state.channels_left - kElements;
            }
            if (state.tokens_left == 0) {
                state.phase = kIdle;
            }
        }
    }

  private:
    static void restart_row(State& state) {
#pragma HLS INLINE
        state.channels_left = state.operation.channels;
        state.word = 0;
        state.place = 0;
    }

    static void collect(State& state, const GainWord& word) {
#pragma HLS INLINE
        Bias bias;
        Gain gain;
        Shift shift;
        unpack_fields(word, bias, gain, shift);
        const ap_uint<kFactorBits> factor = pack_fields<ap_uint<kFactorBits>>(gain, shift);
    places:
        for (int place = 0; place < kElements; ++place) {
#pragma HLS UNROLL
            if (state.place == place) {
                state.biases.range(Bias::width * (place + 1) - 1, Bias::width * place) =
                    ap_uint<Bias::width>(bias);
                state.factors.range(kFactorBits * (place + 1) - 1, kFactorBits * place) = factor;
            }
        }
        state.place = state.place + 1;
    }

    static OutputWord requantised(const InputWord& word, const FactorWord& factors) {
#pragma HLS INLINE
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const ap_uint<kInputBits> bits =
                word.range(kInputBits * (lane + 1) - 1, kInputBits * lane);
            const ap_uint<kFactorBits> factor =
                factors.range(kFactorBits * (lane + 1) - 1, kFactorBits * lane);
            Gain gain;
            Shift shift;
            unpack_fields(factor, gain, shift);
            const ap_int<kInputBits + Gain::width> product = ap_int<kInputBits>(bits) * gain;
            output.range(kBits * (lane + 1) - 1, kBits * lane) =
                ap_uint<kBits>(clamped_shift<kBits>(product, shift));
        }
        return output;
    }
};

}  // namespace tritforge
