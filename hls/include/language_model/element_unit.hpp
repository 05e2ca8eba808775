// SPDX-License-Identifier: Apache-2.0
//
// Element unit: the gated recurrence (MLGRU) and the gated linear unit, one element per step.
//
// What it computes: MIX (arXiv 2406.02528, section 3.3.1), tiles f, i, g in turn:
//                     f   closing = (1 - lower bound) * sigma(-f)
//                     i   s = SiLU(i);  h' = h + closing * (s - h)       (the state)
//                     g   product = g * SiLU(h')
//                   GLU (section 3.3.2), tiles gate, up in turn: product = SiLU(gate) * up.
//                   Each sum that arrives needs one sigmoid and two multiplications, so one of each
//                   serves all of them.
// Interface:        headers in       one per operation: kind, rows N, formats of the
// pre-activations
//                                    (fraction bits below those of a sigmoid argument: of the
//                                    forget gate, and of the others), and for MIX how lanes use the
//                                    state: `prefill` (all lanes are consecutive tokens of one
//                                    stream), `fresh` (a lane starts from the zero state), `hold`
//                                    (a lane leaves the state as it is);
//                   activations in   element order, the tiles of the matrices in turn;
//                   lower bounds in  MIX: N words. Bit kBoundFraction clear: a lower bound in
//                                    Q0.kBoundFraction; set: 1 - lower bound with kSlowBits more
//                                    fraction bits, for gates that stay almost open;
//                   products out     element order, once for the last matrix of every tile;
//                   status out       for a header with kEndOfRun: saturation flags since the last
//                                    one, bits as in the enumeration Flag;
//                   state memory     h: kStates sets of kLayers * kDim words, the layers of a
//                                    smaller model one after the other;
//                   buffer           what an element's next tile needs;
//                   bound memory     lower bounds of a tile, for the lanes after the first one.
// Formats:          activations kPreactivationBits, or raw sums; h and SiLU kActivationBits with as
//                   many integer bits; products exact.
// Timing:           one activation per step, and kTileWait steps more between a tile and that of
//                   the next matrix. Steps of an operation with m matrices of t tiles:
//                   1 + m * t * kRows * kLanes + (m - 1) * t * kTileWait.
// Assumptions:      the same element of two lanes is kRows >= kRamSettleSteps steps apart
//                   (tile_order.hpp), so a lane may read the state that the lane before it wrote.
//                   An element of the next tile is kBufferSteps steps away, or more.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/fixed_point.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "language_model/sigmoid.hpp"
#include "language_model/tile_order.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct ElementUnit {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kRows = Config::kRowsPerBeat;
    static constexpr int kOneState = Config::kLayers * Config::kDim;
    static constexpr int kFraction = Config::kSigmoidFraction;
    static constexpr int kActivationBits = Config::kActivationBits;
    static constexpr int kPreactivationBits = Config::kPreactivationBits;
    static constexpr int kGateOperandBits = Config::kGateOperandBits;
    /// Fraction bits that a pre-activation has more than a state.
    static constexpr int kNarrowing = kPreactivationBits - kActivationBits;
    static constexpr int kBoundFraction = Config::kBoundFraction;
    static constexpr int kSlowBits = Config::kSlowBits;
    static constexpr int kLargestStateShift = Config::kLargestArgumentShift - kNarrowing;
    /// Sigmoid and SiLU take pre-activations and states.
    static constexpr int kValueBits =
        kPreactivationBits > kActivationBits ? kPreactivationBits : kActivationBits;

    using Unit = Sigmoid<Config>;
    using Order = TileOrder<Config, Config::kMaximumInputs>;
    using Kind = ap_uint<bits_for(Config::kLastOperation)>;
    using RowCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using LaneMask = ap_uint<kLanes>;
    using Preactivation = ap_int<kPreactivationBits>;
    using Activation = ap_int<kActivationBits>;
    using Value = ap_int<kValueBits>;
    using LowerBound = ap_uint<Config::kLowerBoundBits>;
    using Product = ap_int<kGateOperandBits + kActivationBits>;
    /// What the buffer gives may need a sigmoid and what it takes two products behind it, all of
    /// them in one pipeline.
    static constexpr int kBufferSteps = 24;
    /// Lanes may share a state; one lane reads it again a token later, the tiles of at least two
    /// matrices away.
    static constexpr int kStateSteps = kLanes == 1 ? kBufferSteps : kRamSettleSteps;
    using StateMemory = Ram<Activation, Config::kStates * kOneState, kStateSteps>;
    using Address = typename StateMemory::Address;
    /// Steps that small tiles wait, because their elements would return too early.
    static constexpr int kTileWait =
        Order::kSlots < kBufferSteps ? kBufferSteps - Order::kSlots : 0;
    using Buffer = Ram<Activation, Order::kSlots, kBufferSteps>;
    using BoundMemory = Ram<LowerBound, kRows>;
    using ForgetShift = ap_uint<bits_for(Config::kLargestForgetShift)>;
    using ArgumentShift = ap_uint<bits_for(Config::kLargestArgumentShift)>;
    /// Any of the shifts to a sigmoid argument.
    using AnyShift = ap_uint<bits_for(kLargestStateShift > Config::kLargestArgumentShift
                                          ? kLargestStateShift
                                          : Config::kLargestArgumentShift)>;
    using HeaderWord =
        FieldsWord<Kind, RowCount, ForgetShift, ArgumentShift, ap_uint<1>, LaneMask, LaneMask>;

    static_assert(kRows >= kRamSettleSteps, "buffered words could be read before they are stored");
    static_assert(Config::kStates == 1 || Config::kStates == kLanes,
                  "there is one state for all lanes, or one a lane");
    static_assert(kActivationBits >= kFraction + 2, "the buffer also holds the forget gate");
    static_assert(kNarrowing <= Config::kLeastArgumentShift,
                  "sigmoid arguments are rounded, not extended");
    static_assert(Config::kLowerBoundBits == kBoundFraction + 1, "a word is a number and a flag");
    static_assert(kValueBits > Config::kLowerBoundBits, "1 - lower bound fits the multiplier");

    enum Flag { kSiluCandidate, kSiluState, kSiluGate, kStateFlag, kFlags };
    using Status = ap_uint<kFlags>;

    /// One operation: at least one row.
    struct Header {
        Kind kind;
        RowCount rows;
        ForgetShift forget_shift;
        ArgumentShift argument_shift;
        ap_uint<1> prefill;
        LaneMask fresh;
        LaneMask hold;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(kind, rows, forget_shift, argument_shift, prefill, fresh,
                                           hold);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.kind, header.rows, header.forget_shift,
                          header.argument_shift, header.prefill, header.fresh, header.hold);
            return header;
        }
    };

    enum Tile { kForget, kCandidate, kOutputGate, kGate, kUp };

    /// All zero is the idle state.
    struct State {
        bool busy;
        Header operation;
        ap_uint<3> tile;
        ap_uint<bits_for(kTileWait)> wait;
        Order at;
        Address layer_base;
        Status saturated;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers,
                     hls::stream<Preactivation>& activations, hls::stream<LowerBound>& lower_bounds,
                     hls::stream<Product>& products, hls::stream<Status>& status,
                     StateMemory& state_memory, Buffer& buffer, BoundMemory& bound_memory) {
#pragma HLS INLINE
        if (!state.busy) {
            start(state, Header::from_word(headers.read()), status);
        } else if (state.wait != 0) {
            state.wait = state.wait - 1;
        } else {
            const Preactivation activation = activations.read();
            const bool valid = state.at.inside();
            Activation kept = 0;
            if (state.tile != kForget && state.tile != kGate) {
                kept = buffer.read(state.at.slot);
            }
            LowerBound bound = 0;
            if (state.tile == kForget && valid) {
                bound = bound_of_row(state, lower_bounds, bound_memory);
            }
            evaluate(state, activation, kept, bound, valid, products, state_memory, buffer);
            next_element(state);
        }
    }

  private:
    static void start(State& state, const Header& header, hls::stream<Status>& status) {
#pragma HLS INLINE
        if (header.kind == Config::kEndOfRun) {
            status.write(state.saturated);
            state.saturated = 0;
            state.layer_base = 0;
        } else {
            state.operation = header;
            state.tile = header.kind == Config::kMix ? kForget : kGate;
            state.at.restart(header.rows);
            state.busy = true;
        }
    }

    /// The first lane takes the bounds from the stream, the others see the same ones again.
    static LowerBound bound_of_row(State& state, hls::stream<LowerBound>& lower_bounds,
                                   BoundMemory& bound_memory) {
#pragma HLS INLINE
        if (kLanes == 1) {
            return lower_bounds.read();
        }
        if (state.at.lane == 0) {
            const LowerBound bound = lower_bounds.read();
            bound_memory.write(state.at.row, bound);
            return bound;
        }
        return bound_memory.read(state.at.row);
    }

    static void evaluate(State& state, const Preactivation& activation, const Activation& kept,
                         const LowerBound& bound, bool valid, hls::stream<Product>& products,
                         StateMemory& state_memory, Buffer& buffer) {
#pragma HLS INLINE
        const bool forget = state.tile == kForget;
        const bool of_state = state.tile == kOutputGate;
        const Value value = forget     ? Value(-activation)
                            : of_state ? Value(kept)
                                       : Value(activation);
        const typename Unit::Result sigma = Unit::evaluate(argument_of(state, value));
        const bool slow = bound[kBoundFraction];
        const ap_uint<kBoundFraction> number = bound.range(kBoundFraction - 1, 0);
        const ap_uint<kBoundFraction + 1> fast = (1 << kBoundFraction) - number;
        const ap_uint<kBoundFraction + 1> headroom =
            slow ? ap_uint<kBoundFraction + 1>(number) : fast;
        const ap_int<kValueBits + 1> factor =
            forget ? ap_int<kValueBits + 1>(headroom) : ap_int<kValueBits + 1>(value);
        const ap_int<kValueBits + kFraction + 2> product = factor * sigma;
        const Activation silu = silu_of(state, product, of_state);
        if (forget) {
            // The closing, and above it whether the gate is slow.
            ap_uint<kFraction + 2> closing =
                ap_uint<kFraction + 1>(round_half_up_shift<kBoundFraction>(product));
            closing[kFraction + 1] = slow;
            buffer.write(state.at.slot, Activation(closing));
        } else if (state.tile == kCandidate) {
            buffer.write(state.at.slot, recurrence(state, silu, kept, valid, state_memory));
        } else if (state.tile == kGate) {
            buffer.write(state.at.slot, silu);
        } else {
            const ap_int<kGateOperandBits> operand = activation;
            products.write(operand * (of_state ? silu : kept));
        }
    }

    static typename Unit::Argument argument_of(const State& state, const Value& value) {
#pragma HLS INLINE
        AnyShift shift = state.operation.argument_shift;
        if (state.tile == kForget) {
            shift = state.operation.forget_shift;
        } else if (state.tile == kOutputGate) {
            shift = state.operation.argument_shift - kNarrowing;
        }
        // Clamping sets no flag: the sigmoid is 1 well inside the argument's range.
        return saturate<Unit::kArgumentBits>(round_half_up_shift(value, shift)).value;
    }

    template <int V>
    static Activation silu_of(State& state, const ap_int<V>& product, bool of_state) {
#pragma HLS INLINE
        const ap_int<V> usual = round_half_up_shift<kFraction + kNarrowing>(product);
        const ap_int<V> from_state = round_half_up_shift<kFraction>(product);
        const Saturated<kActivationBits> silu =
            saturate<kActivationBits>(of_state ? from_state : usual);
        if (silu.clipped) {
            if (state.tile == kCandidate) {
                state.saturated[kSiluCandidate] = 1;
            } else if (state.tile == kOutputGate) {
                state.saturated[kSiluState] = 1;
            } else if (state.tile == kGate) {
                state.saturated[kSiluGate] = 1;
            }
        }
        return silu.value;
    }

    /// h' = h + closing * (s - h): one multiplication, and convex, so |h'| <= max(|h|, |s|).
    static Activation recurrence(State& state, const Activation& silu, const Activation& kept,
                                 bool valid, StateMemory& state_memory) {
#pragma HLS INLINE
        Address address = state.layer_base + state.at.element();
        bool fresh = false;
        bool hold = false;
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.at.lane == lane) {
                fresh = state.operation.fresh[lane];
                hold = state.operation.hold[lane];
                if (Config::kStates > 1 && state.operation.prefill == 0) {
                    address = address + lane * kOneState;
                }
            }
        }
        Activation before = 0;
        if (valid) {
            before = state_memory.read(address);
        }
        if (fresh) {
            before = 0;
        }
        const ap_int<kActivationBits + 1> distance = silu - before;
        const ap_uint<kActivationBits> word = kept;
        const bool slow = word[kFraction + 1];
        const ap_uint<kFraction + 1> closing = word.range(kFraction, 0);
        const ap_int<kActivationBits + kFraction + 2> product = closing * distance;
        const ap_int<kActivationBits + 2> part = round_half_up_shift<kFraction>(product);
        const ap_int<kActivationBits + 2> small = round_half_up_shift<kSlowBits>(part);
        const Saturated<kActivationBits> after =
            saturate<kActivationBits>(ap_int<kActivationBits + 3>(before + (slow ? small : part)));
        if (after.clipped) {
            state.saturated[kStateFlag] = 1;
        }
        if (valid && !hold) {
            state_memory.write(address, after.value);
        }
        return after.value;
    }

    static void next_element(State& state) {
#pragma HLS INLINE
        const bool last_matrix = state.tile == kOutputGate || state.tile == kUp;
        const bool ends = last_matrix && state.at.ends_vectors();
        if (!state.at.ends_tile()) {
            state.at.advance();
        } else if (!last_matrix) {
            // The next matrix has the same rows.
            state.at.row = 0;
            state.at.lane = 0;
            state.at.slot = 0;
            state.tile = state.tile + 1;
            state.wait = kTileWait;
        } else {
            state.at.advance();
            state.tile = state.tile == kUp ? kGate : kForget;
        }
        if (ends) {
            state.busy = false;
            if (state.operation.kind == Config::kMix) {
                state.layer_base = state.layer_base + state.operation.rows;
            }
        }
    }
};

}  // namespace tritforge
