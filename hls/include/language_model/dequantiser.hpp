// SPDX-License-Identifier: Apache-2.0
//
// Dequantiser: sums of the ternary-adder array become what their consumer works with.
//
// What it computes: sum * multiplier * 2**-shift, rounded half up, where the true scale matters
//                   (i, f, gate, the projections, logits); the raw sum where it cancels in the norm
//                   that follows (g and up). BitLinear of arXiv 2406.02528, section 3.2.
// Interface:        headers in      one per operation: kind and row tiles of all matrices;
//                   scales in       (multiplier, shift) of every lane, consumer after consumer;
//                   sums in         element order, the tiles of the matrices in turn;
//                   activations out MIX and GLU, as the sums: pre-activations and raw g or up;
//                   increments out  PROJECT: scaled sums, to be added to the residual;
//                   scores out      HEAD: sum in the low bits, logit above it;
//                   status out      for a header with kEndOfRun: saturation flags since the last
//                                   one, bits as in the enumeration Flag.
// Formats:          sums kAccumulatorBits; pre-activations and logits saturate symmetrically to
//                   their widths, raw sums to kGateOperandBits; increments are exact. The forget
//                   gate's clamp sets no flag: the sigmoid is constant there.
// Timing:           one sum per step. Steps of an operation: 1 + n * kLanes + tiles * kRows *
//                   kLanes for n consumers.
// Assumptions:      operations with three matrices have a consumer each, the others share one.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/fixed_point.hpp"
#include "hls_stream.h"
#include "language_model/scalar_unit.hpp"
#include "language_model/tile_order.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Dequantiser {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kConsumers = Config::kConsumers;
    static constexpr int kSumBits = Config::kAccumulatorBits;

    using Scalar = ScalarUnit<Config>;
    using Multiplier = typename Scalar::Multiplier;
    using Shift = typename Scalar::Shift;
    using Order = TileOrder<Config, 1>;
    using Kind = ap_uint<bits_for(Config::kLastOperation)>;
    using TileCount = ap_uint<bits_for(Config::kMaximumTiles)>;
    using Matrix = ap_uint<bits_for(kConsumers - 1)>;
    using Sum = ap_int<kSumBits>;
    using Scaled = ap_int<kSumBits + Scalar::kMultiplierBits>;
    using ScaleWord = FieldsWord<Multiplier, Shift>;
    using Preactivation = ap_int<Config::kPreactivationBits>;
    using Logit = ap_int<Config::kLogitBits>;
    using Score = FieldsWord<Sum, Logit>;
    using HeaderWord = FieldsWord<Kind, TileCount>;

    static_assert(Config::kPreactivationBits >= Config::kGateOperandBits,
                  "raw sums travel in words of pre-activations");

    enum Flag {
        kCandidate,
        kGate,
        kGateOperand,
        kUpOperand,
        kLogit,
        kFlags,
    };
    using Status = ap_uint<kFlags>;

    /// One operation: at least one tile.
    struct Header {
        Kind kind;
        TileCount tiles;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(kind, tiles);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.kind, header.tiles);
            return header;
        }
    };

    enum Phase { kIdle, kScales, kRowPhase };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Kind kind;
        TileCount tiles_left;
        Matrix matrix;
        // Consumers whose scales are still to come.
        ap_uint<bits_for(kConsumers)> scales_left;
        typename Order::Lane lane;
        Order at;
        Multiplier multiplier[kConsumers][kLanes];
        Shift shift[kConsumers][kLanes];
        Status saturated;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<ScaleWord>& scales,
                     hls::stream<Sum>& sums, hls::stream<Preactivation>& activations,
                     hls::stream<Scaled>& increments, hls::stream<Score>& scores,
                     hls::stream<Status>& status) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            const Header header = Header::from_word(headers.read());
            if (header.kind == Config::kEndOfRun) {
                status.write(state.saturated);
                state.saturated = 0;
            } else {
                start(state, header);
            }
        } else if (state.phase == kScales) {
            take_scale(state, scales.read());
        } else {
            const Sum sum = sums.read();
            const Scaled scaled = scale(state, sum);
            if (state.kind == Config::kProject) {
                increments.write(scaled);
            } else if (state.kind == Config::kHead) {
                scores.write(score(state, sum, scaled));
            } else {
                activations.write(activation(state, sum, scaled));
            }
            next_sum(state);
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.kind = header.kind;
        state.tiles_left = header.tiles;
        state.scales_left = header.kind == Config::kMix ? kConsumers : 1;
        state.matrix = 0;
        state.lane = 0;
        state.at.restart();
        state.phase = kScales;
    }

    /// The scales of consumer k come before the first tile of matrix k.
    static void take_scale(State& state, const ScaleWord& word) {
#pragma HLS INLINE
        Multiplier multiplier;
        Shift shift;
        unpack_fields(word, multiplier, shift);
    consumers:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
        lanes:
            for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
                if (state.matrix == consumer && state.lane == lane) {
                    state.multiplier[consumer][lane] = multiplier;
                    state.shift[consumer][lane] = shift;
                }
            }
        }
        const bool last = state.lane == kLanes - 1;
        state.lane = last ? typename Order::Lane(0) : typename Order::Lane(state.lane + 1);
        if (last) {
            state.scales_left = state.scales_left - 1;
            state.phase = kRowPhase;
        }
    }

    static Scaled scale(const State& state, const Sum& sum) {
#pragma HLS INLINE
        Multiplier multiplier = state.multiplier[0][0];
        Shift shift = state.shift[0][0];
    consumers:
        for (int consumer = 0; consumer < kConsumers; ++consumer) {
#pragma HLS UNROLL
        lanes:
            for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
                if (state.matrix == consumer && state.at.lane == lane) {
                    multiplier = state.multiplier[consumer][lane];
                    shift = state.shift[consumer][lane];
                }
            }
        }
        const Scaled product = sum * multiplier;
        return round_half_up_shift(product, shift);
    }

    static Preactivation activation(State& state, const Sum& sum, const Scaled& scaled) {
#pragma HLS INLINE
        const bool is_mix = state.kind == Config::kMix;
        const bool raw = is_mix ? state.matrix == kConsumers - 1 : state.matrix == 1;
        if (raw) {
            const Saturated<Config::kGateOperandBits> operand =
                saturate<Config::kGateOperandBits>(sum);
            if (operand.clipped) {
                state.saturated[is_mix ? kGateOperand : kUpOperand] = 1;
            }
            return operand.value;
        }
        const Saturated<Config::kPreactivationBits> value =
            saturate<Config::kPreactivationBits>(scaled);
        if (value.clipped) {
            if (!is_mix) {
                state.saturated[kGate] = 1;
            } else if (state.matrix == 1) {
                state.saturated[kCandidate] = 1;
            }
        }
        return value.value;
    }

    static Score score(State& state, const Sum& sum, const Scaled& scaled) {
#pragma HLS INLINE
        const Saturated<Config::kLogitBits> logit = saturate<Config::kLogitBits>(scaled);
        if (logit.clipped) {
            state.saturated[kLogit] = 1;
        }
        return pack_fields<Score>(sum, logit.value);
    }

    static void next_sum(State& state) {
#pragma HLS INLINE
        const bool tile_ends = state.at.ends_tile();
        state.at.advance();
        if (tile_ends) {
            state.tiles_left = state.tiles_left - 1;
            const int matrices = state.kind == Config::kMix   ? 3
                                 : state.kind == Config::kGlu ? 2
                                                              : 1;
            const bool last = state.matrix + 1 == matrices;
            state.matrix = last ? Matrix(0) : Matrix(state.matrix + 1);
            if (state.tiles_left == 0) {
                state.phase = kIdle;
            } else if (state.scales_left != 0) {
                state.phase = kScales;
            }
        }
    }
};

}  // namespace tritforge
