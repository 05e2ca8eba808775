// SPDX-License-Identifier: Apache-2.0
//
// Residual add: keeps the residual stream of all tokens, and adds branches to it.
//
// What it computes: x = clamp(dyadic_product(branch) + dyadic_product(identity)), rounded each for
//                   itself. The identity is x itself, or a constant: patches and their positions.
//                   Golden model: tritforge/ivit/golden/residual_add.py.
// Interface:        headers in    one per operation: its kind, features and tokens, both factors;
//                   branches in   kResults tokens of one feature per word, slice by slice, group by
//                                 group, feature by feature, as requantise.hpp gives them;
//                   constants in  kEmbed: what the same tokens begin with, for every word;
//                   elements out  kSend: the first tokens, kPlaces numbers per word, token by
//                   token,
//                                 what lies behind the end of a row is unspecified;
//                   memories      x, kPlaces memories per token lane: lane 0's first.
// Class token:      token 0 has no patch: its branch counts as 0 when it is embedded.
// Formats:          branch signed kResidual bits in the low bits of a result; constants signed
//                   kIdentityBits; x signed kResidual bits.
// Timing:           one word per step; 1 + kSettleSteps steps more per operation.
// Assumptions:      a number is read kRamSettleSteps or more after it was written: the unit waits
//                   between two operations, and within one visits every number once.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "ivit/dyadic.hpp"
#include "ivit/requantise.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated ivit_config.hpp
template <class Config>
struct ResidualAdd {
    using Array = MatrixArray<Config>;
    using Factor = DyadicFactor<Config::kMultiplier, Config::kShiftBits>;
    static constexpr int kTokens = Array::kTokens;
    static constexpr int kResults = Array::kResults;
    static constexpr int kPlaces = Config::kNormElements;
    static constexpr int kWords = Config::kTokenGroups * groups_of(Config::kDim, kPlaces);
    static constexpr int kResultBits = Config::kResultBits;
    static constexpr int kIdentityBits = Config::kIdentityBits;
    static constexpr int kSettleSteps = kRamSettleSteps;

    static_assert((kPlaces & (kPlaces - 1)) == 0, "words hold a power of two of numbers");
    static_assert(Array::kFeatures % kPlaces == 0, "a slice of features holds whole words");

    using Residual = ap_int<Config::kResidual>;
    using Word = ap_uint<kPlaces * Config::kResidual>;
    using Identity = ap_int<kIdentityBits>;
    using Results = typename Requantise<Config>::Results;
    using Constants = ap_uint<kResults * kIdentityBits>;
    using Memory = Ram<Residual, kWords>;
    using Address = ap_uint<bits_for(kWords)>;
    using FeatureCount = ap_uint<bits_for(Config::kDim)>;
    using TokenCount = ap_uint<bits_for(Config::kTokens)>;
    using LaneIndex = ap_uint<bits_for(kTokens)>;
    using SliceFeature = ap_uint<bits_for(Array::kFeatures)>;

    enum Kind { kEmbed, kAdd, kSend };

    using KindCode = ap_uint<2>;
    using HeaderWord =
        FieldsWord<KindCode, FeatureCount, TokenCount, typename Factor::Multiplier,
                   typename Factor::Shift, typename Factor::Multiplier, typename Factor::Shift>;

    /// One operation: both counts are at least 1.
    struct Header {
        KindCode kind;
        FeatureCount features;
        TokenCount tokens;
        Factor branch;
        Factor identity;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(kind, features, tokens, branch.multiplier, branch.shift,
                                           identity.multiplier, identity.shift);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.kind, header.features, header.tokens,
                          header.branch.multiplier, header.branch.shift, header.identity.multiplier,
                          header.identity.shift);
            return header;
        }
    };

    enum Phase { kIdle, kSettle, kRun };

    /// All zero is the idle state. The place of a word: first feature of its slice, feature within
    /// it, first word and first token of its group, lane of its first token.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kSettleSteps)> settled;
        FeatureCount slice;
        SliceFeature feature;
        Address group;
        TokenCount token;
        LaneIndex lane;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Results>& branches,
                     hls::stream<Constants>& constants, hls::stream<Word>& elements,
                     Memory (&memories)[kTokens * kPlaces]) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            state.operation = Header::from_word(headers.read());
            state.settled = 0;
            state.slice = 0;
            state.feature = 0;
            state.group = 0;
            state.token = 0;
            state.lane = 0;
            state.phase = kSettle;
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                state.phase = kRun;
            }
        } else {
            const FeatureCount number = state.slice + state.feature;
            const typename Memory::Address address = state.group + (number >> kPlaceBits);
            Residual before[kTokens * kPlaces];
        read_banks:
            for (int bank = 0; bank < kTokens * kPlaces; ++bank) {
#pragma HLS UNROLL
                before[bank] = memories[bank].read(address);
            }
            if (state.operation.kind == kSend) {
                elements.write(word_of(before, state.lane));
                advance_element(state);
            } else {
                const Results branch = branches.read();
                Constants constant = 0;
                if (state.operation.kind == kEmbed) {
                    constant = constants.read();
                }
                add(state, branch, constant, before, number % kPlaces, address, memories);
                advance_word(state);
            }
        }
    }

  private:
    static constexpr int kPlaceBits = bits_for(kPlaces) - 1;
    using Place = ap_uint<bits_for(kPlaces)>;

    /// The numbers of a token.
    static Word word_of(const Residual (&numbers)[kTokens * kPlaces], const LaneIndex& lane) {
#pragma HLS INLINE
        Word word = 0;
    places:
        for (int place = 0; place < kPlaces; ++place) {
#pragma HLS UNROLL
            Residual of_lane[kTokens];
        lanes:
            for (int index = 0; index < kTokens; ++index) {
#pragma HLS UNROLL
                of_lane[index] = numbers[kPlaces * index + place];
            }
            word.range(Config::kResidual * (place + 1) - 1, Config::kResidual * place) =
                ap_uint<Config::kResidual>(of_lane[lane.to_int() % kTokens]);
        }
        return word;
    }

    static void add(const State& state, const Results& branch, const Constants& constant,
                    const Residual (&before)[kTokens * kPlaces], const Place& at,
                    const typename Memory::Address& address,
                    Memory (&memories)[kTokens * kPlaces]) {
#pragma HLS INLINE
        const bool embeds = state.operation.kind == kEmbed;
        Residual after[kResults];
    results:
        for (int result = 0; result < kResults; ++result) {
#pragma HLS UNROLL
            const ap_uint<Config::kResidual> bits =
                branch.range(kResultBits * result + Config::kResidual - 1, kResultBits * result);
            const ap_uint<kIdentityBits> given =
                constant.range(kIdentityBits * (result + 1) - 1, kIdentityBits * result);
            Residual kept = 0;
        parts:
            for (int part = 0; part < Array::kParts; ++part) {
#pragma HLS UNROLL
            places:
                for (int place = 0; place < kPlaces; ++place) {
#pragma HLS UNROLL
                    if (state.lane == part * kResults && at == place) {
                        kept = before[kPlaces * (part * kResults + result) + place];
                    }
                }
            }
            const bool is_class = embeds && state.lane + result == 0 && state.token == 0;
            const Residual patch = is_class ? Residual(0) : Residual(bits);
            const Identity identity = embeds ? Identity(given) : Identity(kept);
            after[result] =
                clamped<Config::kResidual>(dyadic_product(patch, state.operation.branch) +
                                           dyadic_product(identity, state.operation.identity));
        }
    lanes:
        for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
        write_places:
            for (int place = 0; place < kPlaces; ++place) {
#pragma HLS UNROLL
                if (state.lane == lane / kResults * kResults && at == place) {
                    memories[kPlaces * lane + place].write(address, after[lane % kResults]);
                }
            }
        }
    }

    /// Behind a word of a branch: tokens of the group, features of the slice, groups, slices.
    static void advance_word(State& state) {
#pragma HLS INLINE
        state.lane = state.lane + kResults;
        if (state.lane != kTokens) {
            return;
        }
        state.lane = 0;
        state.feature = state.feature + 1;
        const bool slice_ends = state.slice + state.feature == state.operation.features;
        if (state.feature != Array::kFeatures && !slice_ends) {
            return;
        }
        state.feature = 0;
        state.group = state.group + words_of(state.operation.features);
        if (state.operation.tokens > state.token + kTokens) {
            state.token = state.token + kTokens;
            return;
        }
        state.group = 0;
        state.token = 0;
        state.slice = state.slice + Array::kFeatures;
        if (slice_ends) {
            state.phase = kIdle;
        }
    }

    /// Words of a token.
    static FeatureCount words_of(const FeatureCount& features) {
#pragma HLS INLINE
        return (features >> kPlaceBits) + ap_uint<1>(features % kPlaces != 0);
    }

    /// Behind a word of a token.
    static void advance_element(State& state) {
#pragma HLS INLINE
        if (state.operation.features - state.slice > kPlaces) {
            state.slice = state.slice + kPlaces;
            return;
        }
        state.slice = 0;
        state.token = state.token + 1;
        state.lane = state.lane + 1;
        if (state.lane == kTokens) {
            state.lane = 0;
            state.group = state.group + words_of(state.operation.features);
        }
        if (state.token == state.operation.tokens) {
            state.phase = kIdle;
        }
    }
};

}  // namespace tritforge
