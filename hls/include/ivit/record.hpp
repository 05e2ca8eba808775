// SPDX-License-Identifier: Apache-2.0
//
// Record of the in-band program of a vision transformer: five 64-bit words -> fields.
// Golden model: tritforge/ivit/machine/program.py.
#pragma once

#include "ap_int.h"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"

namespace tritforge {

/// multiplier / 2**shift for all channels.
struct RecordFactor {
    ap_uint<32> multiplier;
    ap_uint<32> shift;
};

/// One operation.
struct Record {
    static constexpr int kWords = 5;
    static constexpr int kFactors = 2;

    ap_uint<16> magic;
    ap_uint<8> kind;
    ap_uint<8> heads;
    ap_uint<16> tokens;
    ap_uint<16> block;
    ap_uint<32> inputs;
    ap_uint<32> features;
    RecordFactor factor[kFactors];
    ap_uint<32> x0;
    ap_uint<32> head_dim;

    static Record from_words(const StreamData (&words)[kWords]) {
#pragma HLS INLINE
        Record record;
        unpack_fields(words[0], record.magic, record.kind, record.heads, record.tokens,
                      record.block);
        unpack_fields(words[1], record.inputs, record.features);
    factors:
        for (int index = 0; index < kFactors; ++index) {
#pragma HLS UNROLL
            unpack_fields(words[2 + index], record.factor[index].multiplier,
                          record.factor[index].shift);
        }
        unpack_fields(words[4], record.x0, record.head_dim);
        return record;
    }
};

}  // namespace tritforge
