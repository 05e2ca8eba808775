// SPDX-License-Identifier: Apache-2.0
//
// Record header of the parameter stream (docs/image-format.md): eight 64-bit words -> fields.
#pragma once

#include "ap_int.h"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"

namespace tritforge {

/// One of up to three BitLinears that an operation feeds.
struct RecordOutput {
    ap_uint<32> scale_mantissa;
    ap_int<16> scale_exponent;
    ap_uint<16> value_shift;
};

/// What stands before the gains of every operation.
struct Record {
    static constexpr int kWords = 8;
    static constexpr int kOutputs = 3;
    static constexpr int kMagic = 0x5446;

    ap_uint<16> magic;
    ap_uint<8> kind;
    ap_uint<8> outputs;
    ap_uint<16> layer;
    ap_uint<8> has_norm_gain;
    ap_uint<8> matrices;
    ap_uint<32> inputs;
    ap_uint<32> rows;
    ap_uint<32> payload_bytes;
    ap_uint<16> input_shift;
    ap_uint<16> square_shift;
    RecordOutput output[kOutputs];
    ap_uint<64> square_offset;
    ap_uint<8> forget_shift;
    ap_uint<8> argument_shift;

    static Record from_words(const StreamData (&words)[kWords]) {
#pragma HLS INLINE
        Record record;
        unpack_fields(words[0], record.magic, record.kind, record.outputs, record.layer,
                      record.has_norm_gain, record.matrices);
        unpack_fields(words[1], record.inputs, record.rows);
        unpack_fields(words[2], record.payload_bytes, record.input_shift, record.square_shift);
    outputs:
        for (int index = 0; index < kOutputs; ++index) {
#pragma HLS UNROLL
            RecordOutput& output = record.output[index];
            unpack_fields(words[3 + index], output.scale_mantissa, output.scale_exponent,
                          output.value_shift);
        }
        ap_uint<48> reserved;
        unpack_fields(words[6], record.square_offset);
        unpack_fields(words[7], record.forget_shift, record.argument_shift, reserved);
        return record;
    }
};

}  // namespace tritforge
