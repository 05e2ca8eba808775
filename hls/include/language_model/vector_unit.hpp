// SPDX-License-Identifier: Apache-2.0
//
// Vector unit: keeps the residual stream x and turns whatever comes next into quantiser operands.
//
// What it computes: source kInput      x = embedding row, as it comes,   t from x;
//                   source kIncrement  x = x + increment,                t from x;
//                   source kProduct    t from the gated product; x stays;
//                   t = value * 2**-operand_shift, rounded half up.
// Interface:        headers in     one per quantised vector: source, elements K, shift; with
//                                  `end`, what is left of the input packet is dropped;
//                   input in       one packet per run (stream_word.hpp): two residuals per word,
//                                  in element order, padded rows included;
//                   increments in, products in   element order, padded rows included;
//                   operands out   t, element order, padded rows included;
//                   status out     for a header with `end`: saturation flags since the last one and
//                                  how the input packet ended, bits as in the enumeration Flag;
//                   memory         x of lane l at l * kDim and up.
// Formats:          x kResidualBits, the low bits of 32 in the packet; t kOperandBits; x and t
// saturate
//                   symmetrically.
// Timing:           one element per step. Steps of a vector: 1 + tiles * kRows * kLanes. The end of
//                   a run takes one step more than there are words to drop, and two at least.
// Assumptions:      x is read a whole operation after it was written.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/fixed_point.hpp"
#include "common/ram.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "language_model/tile_order.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct VectorUnit {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kResidualBits = Config::kResidualBits;
    static constexpr int kOperandBits = Config::kOperandBits;
    static constexpr int kInputBits = Config::kInputBits;
    static constexpr int kInputs = kStreamBits / kInputBits;
    static constexpr int kIncrementBits = Config::kAccumulatorBits + Config::kMultiplierBits;
    static constexpr int kProductBits = Config::kGateOperandBits + Config::kActivationBits;
    static constexpr int kWideBits = kProductBits > kResidualBits ? kProductBits : kResidualBits;
    static constexpr int kShiftBits = bits_for(Config::kMaximumInputShift);

    static_assert(Config::kRowsPerBeat % kInputs == 0, "a tile is a whole number of words");
    static_assert(kInputs == 2, "a word has a first and a second residual");
    static_assert(kResidualBits <= kInputBits, "a residual fits its place in a word");

    using Order = TileOrder<Config, Config::kMaximumInputs>;
    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using Shift = ap_uint<kShiftBits>;
    using Residual = ap_int<kResidualBits>;
    using Increment = ap_int<kIncrementBits>;
    using Product = ap_int<kProductBits>;
    using Wide = ap_int<kWideBits>;
    using Operand = ap_int<kOperandBits>;
    using Memory = Ram<Residual, kLanes * Config::kDim>;
    using Address = typename Memory::Address;

    enum Source { kInput, kIncrement, kProduct };
    enum Flag { kResidualFlag, kOperandFlag, kEarly, kLate, kFlags };
    using Status = ap_uint<kFlags>;
    using HeaderWord = FieldsWord<ap_uint<1>, ap_uint<2>, InputCount, Shift>;

    /// One vector of at least one element.
    struct Header {
        ap_uint<1> end;
        ap_uint<2> source;
        InputCount inputs;
        Shift operand_shift;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(end, source, inputs, operand_shift);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.end, header.source, header.inputs, header.operand_shift);
            return header;
        }
    };

    enum Phase { kIdle, kRun, kDrop };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header vector;
        Order at;
        PacketReader packet;
        // The second residual of the word whose first one was used.
        ap_uint<kInputBits> second;
        bool has_second;
        ap_uint<2> saturated;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<StreamWord>& input,
                     hls::stream<Increment>& increments, hls::stream<Product>& products,
                     hls::stream<Operand>& operands, hls::stream<Status>& status, Memory& memory) {
#pragma HLS INLINE
        const bool takes = state.phase == kRun && state.vector.source == kInput;
        const StreamData data =
            state.packet.next(input, takes && !state.has_second, state.phase == kDrop);
        if (state.phase == kIdle) {
            state.vector = Header::from_word(headers.read());
            state.at.restart(state.vector.inputs);
            state.phase = state.vector.end == 1 ? kDrop : kRun;
        } else if (state.phase == kRun) {
            Wide value = 0;
            if (state.vector.source == kProduct) {
                value = products.read();
            } else {
                value = next_residual(state, data, increments, memory);
            }
            operands.write(operand_of(state, value));
            if (state.at.ends_vectors()) {
                state.phase = kIdle;
            }
            state.at.advance();
        } else if (state.packet.ended) {
            status.write(report(state));
            state.phase = kIdle;
        }
    }

  private:
    static Residual next_residual(State& state, const StreamData& data,
                                  hls::stream<Increment>& increments, Memory& memory) {
#pragma HLS INLINE
        const bool valid = state.at.inside();
        Address address = state.at.element();
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.at.lane == lane) {
                address = state.at.element() + lane * Config::kDim;
            }
        }
        constexpr int kSumBits = kIncrementBits > kResidualBits ? kIncrementBits : kResidualBits;
        ap_int<kSumBits + 1> exact = 0;
        if (state.vector.source == kInput) {
            exact = next_input(state, data);
        } else {
            const Increment increment = increments.read();
            Residual before = 0;
            if (valid) {
                before = memory.read(address);
            }
            exact = before + increment;
        }
        const Saturated<kResidualBits> after = saturate<kResidualBits>(exact);
        if (after.clipped) {
            state.saturated[kResidualFlag] = 1;
        }
        if (valid) {
            memory.write(address, after.value);
        }
        return after.value;
    }

    /// `data` is the word that was taken if no residual was left.
    static Residual next_input(State& state, const StreamData& data) {
#pragma HLS INLINE
        const ap_uint<kInputBits> first = data.range(kInputBits - 1, 0);
        const ap_uint<kInputBits> input = state.has_second ? state.second : first;
        state.second = data.range(2 * kInputBits - 1, kInputBits);
        state.has_second = !state.has_second;
        const ap_uint<kResidualBits> bits = input.range(kResidualBits - 1, 0);
        return bits;
    }

    static Operand operand_of(State& state, const Wide& value) {
#pragma HLS INLINE
        const Saturated<kOperandBits> operand =
            saturate<kOperandBits>(round_half_up_shift(value, state.vector.operand_shift));
        if (operand.clipped) {
            state.saturated[kOperandFlag] = 1;
        }
        return operand.value;
    }

    static Status report(State& state) {
#pragma HLS INLINE
        Status status = state.saturated;
        status[kEarly] = state.packet.early;
        status[kLate] = state.packet.late;
        state.saturated = 0;
        state.packet.restart();
        return status;
    }
};

}  // namespace tritforge
