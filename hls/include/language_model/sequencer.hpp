// SPDX-License-Identifier: Apache-2.0
//
// Sequencer: reads the in-band program and tells every other process what to do next.
//
// What it computes: nothing; it checks each record of the parameter stream (program_check.hpp),
//                   sends each process its header and hands on gains and lower bounds. Nothing
//                   unchecked reaches another process.
// Interface:        commands in    one per run: bit 0 prefill, bit 1 all logits, then for every
//                                  lane `fresh`, then for every lane `hold` (element_unit.hpp,
//                                  head.hpp);
//                   parameters in  one packet per run: the image's parameter section;
//                   *_headers out  one per process and operation;
//                   gains out      one word per element: norm gain, then the consumers' gains;
//                   lower bounds out;
//                   *_status in    one per run from every process that reports;
//                   results out    one per run: error code in the low 8 bits, then a bit for every
//                                  signal that saturated (in the order of the `saturation`
//                                  register), then early and late of every stream: weight ports,
//                                  parameters, input.
// Errors:           the first bad record ends the program. Elements of the operation before it that
//                   are still on their way are thrown away, the rest of all packets is dropped, and
//                   the run ends like any other; the next one starts clean.
// Formats:          parameter stream as in record.hpp.
// Timing:           one word of a record, one element's gains or one lower bound per step, and five
//                   steps more a record; all of it beside the operation before, but for the first
//                   one. A run takes one step more at its start, one at least to drop the packet's
//                   rest, and two at its end; an error, one to discard.
// Assumptions:      the lower_bounds stream holds kDim words, so that a MIX's bounds can wait there
//                   while the gains of the next operation are used.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "language_model/code_buffer.hpp"
#include "language_model/dequantiser.hpp"
#include "language_model/element_unit.hpp"
#include "language_model/head.hpp"
#include "language_model/program_check.hpp"
#include "language_model/quantiser.hpp"
#include "language_model/record.hpp"
#include "language_model/ternary_array.hpp"
#include "language_model/vector_unit.hpp"
#include "language_model/weight_join.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Sequencer {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kRowBits = bits_for(Config::kRowsPerBeat) - 1;

    using Join = WeightJoin<Config>;
    using Vectors = VectorUnit<Config>;
    using Quant = Quantiser<Config>;
    using Codes = CodeBuffer<Config>;
    using Array = TernaryArray<Config>;
    using Dequant = Dequantiser<Config>;
    using Elements = ElementUnit<Config>;
    using Scores = Head<Config>;

    using LaneMask = ap_uint<kLanes>;
    using CommandWord = FieldsWord<ap_uint<1>, ap_uint<1>, LaneMask, LaneMask>;
    using GainWord = typename Quant::GainWord;
    using LowerBound = typename Elements::LowerBound;
    using InputCount = typename Quant::InputCount;
    using BeatCount = typename Quant::BeatCount;
    using TileCount = typename Array::TileCount;
    using Kind = typename Dequant::Kind;
    using Check = ProgramCheck<Config>;
    using Error = typename Check::Error;
    using Saturation = FieldsWord<ap_uint<2>, typename Quant::Status, ap_uint<1>, ap_uint<2>,
                                  typename Elements::Status, ap_uint<2>, ap_uint<1>>;
    /// Early and late of every stream.
    using PacketErrors = FieldsWord<typename Join::Status, ap_uint<2>, ap_uint<2>>;
    using ResultWord = FieldsWord<Error, Saturation, PacketErrors>;

    static_assert(Config::kGainBits <= 16, "gains travel as 16-bit numbers");
    static_assert(GainWord::width <= kStreamBits, "the gains of an element fit one word");
    static_assert((1 << kRowBits) == Config::kRowsPerBeat, "row tiles are a power of two of rows");

    struct Command {
        ap_uint<1> prefill;
        ap_uint<1> all_logits;
        LaneMask fresh;
        LaneMask hold;

        CommandWord to_word() const {
#pragma HLS INLINE
            return pack_fields<CommandWord>(prefill, all_logits, fresh, hold);
        }

        static Command from_word(const CommandWord& word) {
#pragma HLS INLINE
            Command command;
            unpack_fields(word, command.prefill, command.all_logits, command.fresh, command.hold);
            return command;
        }
    };

    enum Phase {
        kIdle,
        kRead,
        kCheck,
        kIssue,
        kGains,
        kBounds,
        kDiscard,
        kDrop,
        kEnd,
        kReport,
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<4> phase;
        Command command;
        PacketReader packet;
        StreamData words[Record::kWords];
        ap_uint<bits_for(Record::kWords - 1)> word;
        Error error;
        typename Check::State program;
        typename Check::Findings findings;
        ap_uint<bits_for(Check::kSteps)> checking;
        // Sizes of the operation, from the record of the step before; `beats` from `padded_inputs`.
        ap_uint<InputCount::width + 1> padded_inputs;
        BeatCount beats;
        TileCount tiles;
        // Kind and rows of the operation whose results are on their way; kEndOfRun: none.
        Kind last_kind;
        InputCount last_rows;
        // Payload that is handed on: elements left, and the parts of a word not used yet.
        InputCount elements_left;
        ap_uint<3> gains_per_element;
        StreamData part;
        ap_uint<2> parts_left;
        bool has_bounds;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<StreamWord>& parameters,
                     hls::stream<typename Join::Status>& weight_status,
                     hls::stream<typename Vectors::Status>& vector_status,
                     hls::stream<typename Quant::Status>& quantiser_status,
                     hls::stream<typename Dequant::Status>& dequantiser_status,
                     hls::stream<typename Elements::Status>& element_status,
                     hls::stream<typename Scores::Status>& head_status,
                     hls::stream<typename Join::HeaderWord>& weight_headers,
                     hls::stream<typename Vectors::HeaderWord>& vector_headers,
                     hls::stream<typename Quant::HeaderWord>& quantiser_headers,
                     hls::stream<typename Codes::HeaderWord>& code_headers,
                     hls::stream<typename Array::HeaderWord>& array_headers,
                     hls::stream<typename Dequant::HeaderWord>& dequantiser_headers,
                     hls::stream<typename Elements::HeaderWord>& element_headers,
                     hls::stream<typename Scores::HeaderWord>& head_headers,
                     hls::stream<GainWord>& gains, hls::stream<LowerBound>& lower_bounds,
                     hls::stream<ResultWord>& results) {
#pragma HLS INLINE
        const bool payload = state.phase == kGains || state.phase == kBounds;
        const bool takes = state.phase == kRead || (payload && state.parts_left == 0);
        const StreamData data = state.packet.next(parameters, takes, state.phase == kDrop);
        const Record record = Record::from_words(state.words);
        const Error found = state.findings.error;
        const BeatCount beats = state.beats;
        const TileCount tiles = state.tiles;
        Check::look(state.findings, state.program, record);
        measure(state, record);
        // Headers of this step; a process gets one if its flag is set.
        Headers headers;
        headers.none();
        if (state.phase == kIdle) {
            begin_run(state, Command::from_word(commands.read()));
        } else if (state.phase == kRead) {
            read_word(state, data);
        } else if (state.phase == kCheck) {
            check(state, found);
        } else if (state.phase == kIssue) {
            issue(state, record, beats, tiles, headers);
        } else if (state.phase == kGains) {
            gains.write(next_gains(state, data));
        } else if (state.phase == kBounds) {
            const bool last = state.elements_left == 1;
            lower_bounds.write(next_part(state, data, 1));
            if (last) {
                state.phase = kRead;
            }
        } else if (state.phase == kDiscard) {
            discard(state, headers);
        } else if (state.phase == kDrop) {
            if (state.packet.ended) {
                state.phase = kEnd;
            }
        } else if (state.phase == kEnd) {
            end_run(state, headers);
        } else {
            head_status.read();
            results.write(result(state, weight_status.read(), vector_status.read(),
                                 quantiser_status.read(), dequantiser_status.read(),
                                 element_status.read()));
            state.phase = kIdle;
        }
        if (headers.to_weights) weight_headers.write(headers.weights.to_word());
        if (headers.to_vectors) vector_headers.write(headers.vectors.to_word());
        if (headers.to_quantiser) quantiser_headers.write(headers.quantiser.to_word());
        if (headers.to_array) code_headers.write(headers.codes.to_word());
        if (headers.to_array) array_headers.write(headers.array.to_word());
        if (headers.to_dequantiser) dequantiser_headers.write(headers.dequantiser.to_word());
        if (headers.to_elements) element_headers.write(headers.elements.to_word());
        if (headers.to_head) head_headers.write(headers.head.to_word());
    }

  private:
    struct Headers {
        bool to_weights, to_vectors, to_quantiser, to_array, to_dequantiser, to_elements, to_head;
        typename Join::Header weights;
        typename Vectors::Header vectors;
        typename Quant::Header quantiser;
        typename Codes::Header codes;
        typename Array::Header array;
        typename Dequant::Header dequantiser;
        typename Elements::Header elements;
        typename Scores::Header head;

        void none() {
#pragma HLS INLINE
            to_weights = to_vectors = to_quantiser = to_array = false;
            to_dequantiser = to_elements = to_head = false;
            weights = Join::Header::from_word(0);
            vectors = Vectors::Header::from_word(0);
            quantiser = Quant::Header::from_word(0);
            codes = Codes::Header::from_word(0);
            array = Array::Header::from_word(0);
            dequantiser = Dequant::Header::from_word(0);
            elements = Elements::Header::from_word(0);
            head = Scores::Header::from_word(0);
        }
    };

    static void begin_run(State& state, const Command& command) {
#pragma HLS INLINE
        state.command = command;
        state.packet.restart();
        state.word = 0;
        Check::restart(state.program);
        state.last_kind = Config::kEndOfRun;
        state.phase = kRead;
    }

    static void read_word(State& state, const StreamData& data) {
#pragma HLS INLINE
    words:
        for (int index = 0; index < Record::kWords; ++index) {
#pragma HLS UNROLL
            if (state.word == index) {
                state.words[index] = data;
            }
        }
        if (state.word == Record::kWords - 1) {
            state.phase = kCheck;
            state.checking = Check::kSteps;
        }
        state.word = state.word + 1;
    }

    static void check(State& state, const Error& found) {
#pragma HLS INLINE
        if (state.checking != 0) {
            state.checking = state.checking - 1;
        } else {
            state.error = state.packet.early ? Error(Config::kStreamLength) : found;
            state.phase = state.packet.early || found != 0 ? kDiscard : kIssue;
        }
    }

    /// Sizes are known long before the record is checked.
    static void measure(State& state, const Record& record) {
#pragma HLS INLINE
        static_assert(Check::kSteps >= 2, "the sizes of a record take two steps");
        static_assert(InputCount::width <= 15, "the reciprocal of five is exact for 15 bits");
        // 52429 / 2^18 is one fifth, and exact after truncation for numbers below 43690.
        state.beats = (ap_uint<16>(state.padded_inputs) * ap_uint<16>(52429)) >> 18;
        state.padded_inputs = InputCount(record.inputs) + (kTritsPerByte - 1);
        state.tiles = tiles_of(record);
    }

    static TileCount tiles_of(const Record& record) {
#pragma HLS INLINE
        using Rows = ap_uint<bits_for(Config::kVocabulary > Config::kMaximumInputs
                                          ? Config::kVocabulary
                                          : Config::kMaximumInputs) +
                             1>;
        const TileCount tiles = (Rows(record.rows) + (Config::kRowsPerBeat - 1)) >> kRowBits;
        if (record.kind == Config::kMix) {
            return tiles + (tiles << 1);
        }
        return record.kind == Config::kGlu ? TileCount(tiles << 1) : tiles;
    }

    static void issue(State& state, const Record& record, const BeatCount& beats,
                      const TileCount& tiles, Headers& headers) {
#pragma HLS INLINE
        Check::accept(state.program, record);
        if (record.kind == Config::kEmbed) {
            state.phase = kRead;
            return;
        }
        vector_header(state, record, beats, headers);
        array_headers(record, beats, tiles, headers);
        if (record.kind == Config::kMix || record.kind == Config::kGlu) {
            headers.to_elements = true;
            headers.elements.kind = record.kind;
            headers.elements.rows = record.rows;
            headers.elements.forget_shift = record.forget_shift;
            headers.elements.argument_shift = record.argument_shift;
            headers.elements.prefill = state.command.prefill;
            headers.elements.fresh = state.command.fresh;
            headers.elements.hold = state.command.hold;
        }
        if (record.kind == Config::kHead) {
            headers.to_head = true;
            headers.head.all_logits = state.command.all_logits;
            headers.head.tokens = record.rows;
        }
        state.last_kind = record.kind;
        state.last_rows = record.rows;
        state.elements_left = record.inputs;
        state.gains_per_element = Check::gains_of(record);
        state.parts_left = 0;
        state.has_bounds = record.kind == Config::kMix;
        state.phase = kGains;
    }

    static void vector_header(const State& state, const Record& record, const BeatCount& beats,
                              Headers& headers) {
#pragma HLS INLINE
        const bool of_layer = record.kind == Config::kProject;
        const bool first = state.last_kind == Config::kEndOfRun;
        headers.to_vectors = true;
        headers.vectors.source = of_layer ? Vectors::kProduct
                                 : first  ? Vectors::kInput
                                          : Vectors::kIncrement;
        headers.vectors.inputs = record.inputs;
        headers.vectors.operand_shift = record.input_shift;

        headers.to_quantiser = true;
        headers.quantiser.inputs = record.inputs;
        headers.quantiser.beats = beats;
        headers.quantiser.consumers = record.outputs;
        headers.quantiser.has_norm_gain = record.has_norm_gain;
        headers.quantiser.square_shift = record.square_shift;
        headers.quantiser.square_offset = record.square_offset;
    outputs:
        for (int index = 0; index < Record::kOutputs; ++index) {
#pragma HLS UNROLL
            headers.quantiser.outputs[index].value_shift = record.output[index].value_shift;
            headers.quantiser.outputs[index].scale_mantissa = record.output[index].scale_mantissa;
            headers.quantiser.outputs[index].scale_exponent = record.output[index].scale_exponent;
        }
    }

    static void array_headers(const Record& record, const BeatCount& beats, const TileCount& tiles,
                              Headers& headers) {
#pragma HLS INLINE
        headers.to_weights = true;
        headers.weights.beats = beats;
        headers.weights.tiles = tiles;
        headers.to_array = true;
        headers.codes.beats = beats;
        headers.codes.vectors = record.outputs;
        headers.codes.tiles = tiles;
        headers.array.beats = beats;
        headers.array.tiles = tiles;
        headers.to_dequantiser = true;
        headers.dequantiser.kind = record.kind;
        headers.dequantiser.tiles = tiles;
    }

    /// The gains of an element lie side by side in 64, 32 or 16 bits.
    static GainWord next_gains(State& state, const StreamData& data) {
#pragma HLS INLINE
        const ap_uint<3> each = state.gains_per_element;
        const bool last = state.elements_left == 1;
        const StreamData part = next_part(state, data, each);
        if (last) {
            state.elements_left = state.program.dim;
            state.parts_left = 0;
            state.phase = state.has_bounds                   ? kBounds
                          : state.last_kind == Config::kHead ? kDrop
                                                             : kRead;
        }
        constexpr int kGainBits = Config::kGainBits;
        const ap_uint<16> first = part.range(15, 0);
        const ap_uint<16> second = part.range(31, 16);
        const ap_uint<16> third = part.range(47, 32);
        const ap_uint<16> fourth = part.range(63, 48);
        // A single gain is the consumer's, not the norm's.
        const ap_uint<16> norm = each == 1 ? ap_uint<16>(0) : first;
        const ap_uint<16> consumer = each == 1 ? first : second;
        return pack_fields<GainWord>(ap_uint<kGainBits>(norm), ap_uint<kGainBits>(consumer),
                                     ap_uint<kGainBits>(third), ap_uint<kGainBits>(fourth));
    }

    /// The next `sixteens` times 16 bits of the payload, in the low bits; `data` is the word that
    /// was taken if no part was left.
    static StreamData next_part(State& state, const StreamData& data, const ap_uint<3>& sixteens) {
#pragma HLS INLINE
        const bool fresh = state.parts_left == 0;
        const StreamData part = fresh ? data : state.part;
        state.part = sixteens == 2 ? StreamData(part >> 32) : StreamData(part >> 16);
        state.parts_left = !fresh          ? ap_uint<2>(state.parts_left - 1)
                           : sixteens == 4 ? ap_uint<2>(0)
                           : sixteens == 2 ? ap_uint<2>(1)
                                           : ap_uint<2>(3);
        state.elements_left = state.elements_left - 1;
        return part;
    }

    /// What the last operation still produces is read and thrown away.
    static void discard(State& state, Headers& headers) {
#pragma HLS INLINE
        if (state.last_kind != Config::kEndOfRun) {
            const bool products =
                state.last_kind == Config::kMix || state.last_kind == Config::kGlu;
            headers.to_vectors = true;
            headers.vectors.source = products ? Vectors::kProduct : Vectors::kIncrement;
            headers.vectors.inputs = state.last_rows;
            headers.to_quantiser = true;
            headers.quantiser.inputs = state.last_rows;
        }
        state.phase = kDrop;
    }

    static void end_run(State& state, Headers& headers) {
#pragma HLS INLINE
        headers.to_weights = true;
        headers.weights.end = 1;
        headers.to_vectors = true;
        headers.vectors.end = 1;
        headers.to_quantiser = true;
        headers.quantiser.end = 1;
        headers.to_dequantiser = true;
        headers.dequantiser.kind = Config::kEndOfRun;
        headers.to_elements = true;
        headers.elements.kind = Config::kEndOfRun;
        headers.to_head = true;
        headers.head.end = 1;
        headers.head.abort = state.last_kind != Config::kHead;
        state.phase = kReport;
    }

    static ResultWord result(const State& state, const typename Join::Status& weights,
                             const typename Vectors::Status& vectors,
                             const typename Quant::Status& quantiser,
                             const typename Dequant::Status& dequantiser,
                             const typename Elements::Status& elements) {
#pragma HLS INLINE
        // The array's sums are exact, so `accumulator` never saturates.
        const Saturation saturation = pack_fields<Saturation>(
            ap_uint<2>(vectors.range(Vectors::kOperandFlag, Vectors::kResidualFlag)), quantiser,
            ap_uint<1>(0), ap_uint<2>(dequantiser.range(Dequant::kGate, Dequant::kCandidate)),
            elements, ap_uint<2>(dequantiser.range(Dequant::kUpOperand, Dequant::kGateOperand)),
            ap_uint<1>(dequantiser.range(Dequant::kLogit, Dequant::kLogit)));
        ap_uint<2> parameters = 0;
        parameters[0] = state.packet.early;
        parameters[1] = state.packet.late;
        const ap_uint<2> input = vectors.range(Vectors::kLate, Vectors::kEarly);
        PacketErrors packets = pack_fields<PacketErrors>(weights, parameters, input);
        if (state.error != 0) {
            // What was dropped after an error is no fault of its packet.
            packets = packets & early_flags();
        }
        Error error = state.error;
        if (error == 0 && packets != 0) {
            error = Config::kStreamLength;
        }
        return pack_fields<ResultWord>(error, saturation, packets);
    }

    static PacketErrors early_flags() {
#pragma HLS INLINE
        PacketErrors flags = 0;
    streams:
        for (int bit = 0; bit < PacketErrors::width; bit += 2) {
#pragma HLS UNROLL
            flags[bit] = 1;
        }
        return flags;
    }
};

}  // namespace tritforge
