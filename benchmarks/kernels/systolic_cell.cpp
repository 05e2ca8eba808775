// SPDX-License-Identifier: Apache-2.0
//
// Cell of a systolic array with its weight at home: values go right, sums go down.
#include "ap_int.h"
#include "hls_stream.h"

struct Value {
    ap_int<8> x;
    bool is_weight;
};

extern "C" void systolic_cell(hls::stream<Value>& left, hls::stream<ap_int<24>>& above,
                              hls::stream<Value>& right, hls::stream<ap_int<24>>& below) {
    static ap_int<8> weight;
    const Value value = left.read();
    if (value.is_weight) {
        weight = value.x;
    } else {
        below.write(above.read() + weight * value.x);
    }
    right.write(value);
}
