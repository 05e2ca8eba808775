// SPDX-License-Identifier: Apache-2.0
//
// Program check: whether a record of the parameter stream may stand where it does.
//
// What it computes: the first thing that is wrong with a record, as an error code: what it is,
//                   where it stands, its sizes, its other fields. Order: EMBED; for every layer
//                   MIX, PROJECT, GLU, PROJECT; HEAD (docs/image-format.md).
// Interface:        functions of a record and of what the records before it have fixed.
// Formats:          fields as in record.hpp.
// Timing:           combinational; the sequencer gives it a step of its own.
// Assumptions:      `accept` sees a record only if it has no error.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "language_model/record.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct ProgramCheck {
    using InputCount = ap_uint<bits_for(Config::kMaximumInputs)>;
    using TokenCount = ap_uint<bits_for(Config::kVocabulary)>;
    using Layer = ap_uint<bits_for(Config::kLayers)>;
    using Error = ap_uint<8>;

    /// Where in the program the next record stands.
    enum Expected { kFirst, kMixer, kOutput, kChannel, kDown };

    /// 64-bit words of a payload.
    using WordCount = ap_uint<InputCount::width + 2>;

    /// What the sizes of a record are equal to, and the ranges that they lie in.
    struct Sizes {
        bool from_dim;
        bool from_glu_width;
        bool to_dim;
        bool to_glu_width;
        bool to_tokens;
        bool dim_in_range;
        bool glu_width_in_range;
        bool tokens_in_range;
        bool layer_in_range;
    };

    /// All zero is the start of a program.
    struct State {
        ap_uint<3> expected;
        Layer layer;
        // Sizes that the records so far have fixed.
        InputCount dim;
        InputCount glu_width;
        TokenCount tokens;
        bool has_glu_width;
    };

    static void restart(State& state) {
#pragma HLS INLINE
        state.expected = kFirst;
        state.layer = 0;
        state.has_glu_width = false;
    }

    /// Steps from a record in the registers to its `error`.
    static constexpr int kSteps = 3;

    /// What is known of a record, each from what the step before found: no path is long.
    struct Findings {
        WordCount gain_words;
        WordCount bound_words;
        bool known;
        bool in_order;
        Sizes sizes;
        bool counts_fit;
        bool shifts_fit;
        bool output_fits[Record::kOutputs];
        bool payload_fits;
        Error error;
    };

    /// One step; `error` is that of the record that has been there for kSteps steps.
    static void look(Findings& findings, const State& state, const Record& record) {
#pragma HLS INLINE
        findings.error = first_error(findings, state, record);
        findings.known = record.magic == Record::kMagic && record.kind >= Config::kEmbed &&
                         record.kind <= Config::kLastOperation;
        findings.in_order = in_order(state, record);
        findings.sizes = sizes_of(state, record);
        findings.counts_fit = counts_fit(record);
        findings.shifts_fit = shifts_fit(record);
    outputs:
        for (int index = 0; index < Record::kOutputs; ++index) {
#pragma HLS UNROLL
            findings.output_fits[index] = output_fits(record, index);
        }
        const ap_uint<32> payload_bytes = ap_uint<32>(findings.gain_words + findings.bound_words)
                                          << 3;
        findings.payload_fits = record.payload_bytes == payload_bytes;
        findings.gain_words = gain_words(record);
        findings.bound_words = bound_words(record);
    }

    /// 16-bit gains of an element of the operation's input.
    static ap_uint<3> gains_of(const Record& record) {
#pragma HLS INLINE
        return record.outputs + record.has_norm_gain;
    }

    static void accept(State& state, const Record& record) {
#pragma HLS INLINE
        if (state.expected == kFirst) {
            state.dim = record.inputs;
            state.tokens = record.rows;
            state.expected = kMixer;
        } else if (state.expected == kMixer) {
            state.expected = kOutput;
        } else if (state.expected == kOutput) {
            state.expected = kChannel;
        } else if (state.expected == kChannel) {
            state.expected = kDown;
            state.glu_width = record.rows;
            state.has_glu_width = true;
        } else {
            state.expected = kMixer;
            state.layer = state.layer + 1;
        }
    }

  private:
    static Error first_error(const Findings& findings, const State& state, const Record& record) {
#pragma HLS INLINE
        if (!findings.known) {
            return Config::kUnknownOperation;
        }
        if (!findings.in_order) {
            return Config::kOperationOutOfOrder;
        }
        if (!sizes_fit(findings.sizes, state, record)) {
            return Config::kShapeTooLarge;
        }
        bool fields_fit = findings.counts_fit && findings.shifts_fit && findings.payload_fits;
    outputs:
        for (int index = 0; index < Record::kOutputs; ++index) {
#pragma HLS UNROLL
            fields_fit = fields_fit && findings.output_fits[index];
        }
        return fields_fit ? Config::kNone : Config::kInvalidField;
    }

    static bool in_order(const State& state, const Record& record) {
#pragma HLS INLINE
        const bool numbered = record.layer == state.layer;
        if (state.expected == kFirst) {
            return record.kind == Config::kEmbed && numbered;
        }
        if (state.expected == kMixer) {
            // After the last layer comes the head, whose layer is written as 0.
            return (record.kind == Config::kMix && numbered) ||
                   (record.kind == Config::kHead && record.layer == 0 && state.layer != 0);
        }
        if (state.expected == kChannel) {
            return record.kind == Config::kGlu && numbered;
        }
        return record.kind == Config::kProject && numbered;
    }

    static Sizes sizes_of(const State& state, const Record& record) {
#pragma HLS INLINE
        Sizes sizes;
        sizes.from_dim = record.inputs == state.dim;
        sizes.from_glu_width = record.inputs == state.glu_width;
        sizes.to_dim = record.rows == state.dim;
        sizes.to_glu_width = record.rows == state.glu_width;
        sizes.to_tokens = record.rows == state.tokens;
        sizes.dim_in_range = record.inputs >= Config::kMinimumDim && record.inputs <= Config::kDim;
        sizes.glu_width_in_range =
            record.rows >= Config::kMinimumGluWidth && record.rows <= Config::kGluWidth;
        sizes.tokens_in_range =
            record.rows >= Config::kMinimumVocabulary && record.rows <= Config::kVocabulary;
        sizes.layer_in_range = state.layer < Config::kLayers;
        return sizes;
    }

    static bool sizes_fit(const Sizes& sizes, const State& state, const Record& record) {
#pragma HLS INLINE
        if (state.expected == kFirst) {
            return sizes.dim_in_range && sizes.tokens_in_range;
        }
        if (record.kind == Config::kMix) {
            return sizes.from_dim && sizes.to_dim && sizes.layer_in_range;
        }
        if (record.kind == Config::kHead) {
            return sizes.from_dim && sizes.to_tokens;
        }
        if (record.kind == Config::kGlu) {
            return sizes.from_dim &&
                   (state.has_glu_width ? sizes.to_glu_width : sizes.glu_width_in_range);
        }
        const bool down = state.expected == kDown;
        return (down ? sizes.from_glu_width : sizes.from_dim) && sizes.to_dim;
    }

    /// Consumers that an operation has.
    static int outputs_of(const Record& record) {
#pragma HLS INLINE
        return record.kind == Config::kEmbed ? 0 : record.kind == Config::kMix ? 3 : 1;
    }

    static bool counts_fit(const Record& record) {
#pragma HLS INLINE
        const bool embed = record.kind == Config::kEmbed;
        const int outputs = outputs_of(record);
        const int matrices = record.kind == Config::kGlu ? 2 : outputs;
        // The down projection has no gain of its own, every other operation has one.
        const bool norm_fits =
            record.has_norm_gain <= 1 &&
            (record.kind == Config::kProject || record.has_norm_gain == (embed ? 0 : 1));
        return record.outputs == outputs && record.matrices == matrices && norm_fits;
    }

    static bool shifts_fit(const Record& record) {
#pragma HLS INLINE
        const int largest = Config::kMaximumInputShift;
        const bool mix = record.kind == Config::kMix;
        const bool gate = mix || record.kind == Config::kGlu;
        return record.input_shift <= largest &&
               record.forget_shift <= (mix ? Config::kLargestForgetShift : 0) &&
               record.argument_shift <= (gate ? Config::kLargestArgumentShift : 0) &&
               record.argument_shift >= (gate ? Config::kLeastArgumentShift : 0) &&
               record.square_shift <= largest &&
               (record.square_offset >> Config::kSquareSumBits) == 0;
    }

    static bool output_fits(const Record& record, int index) {
#pragma HLS INLINE
        const RecordOutput& output = record.output[index];
        const bool used = index < outputs_of(record);
        return !used || (output.value_shift <= Config::kMaximumInputShift &&
                         (output.scale_mantissa >> Config::kScaleMantissaBits) == 0 &&
                         output.scale_exponent >= -(1 << (Config::kScaleExponentBits - 1)) &&
                         output.scale_exponent < (1 << (Config::kScaleExponentBits - 1)));
    }

    /// Sizes are checked as well, so the words are few.
    static WordCount gain_words(const Record& record) {
#pragma HLS INLINE
        const InputCount inputs = record.inputs;
        const ap_uint<3> each = gains_of(record);
        using Fourths = ap_uint<InputCount::width + 3>;
        const Fourths fourths = each == 4   ? Fourths(Fourths(inputs) << 2)
                                : each == 2 ? Fourths(Fourths(inputs) << 1)
                                : each == 1 ? Fourths(inputs)
                                            : Fourths(0);
        return (fourths + 3) >> 2;
    }

    static WordCount bound_words(const Record& record) {
#pragma HLS INLINE
        const InputCount inputs = record.inputs;
        const WordCount words = (inputs + 3) >> 2;
        return record.kind == Config::kMix ? words : WordCount(0);
    }
};

}  // namespace tritforge
