// SPDX-License-Identifier: Apache-2.0
//
// The ternary decoder and the array as top functions; tritforge_config.hpp is generated for each
// test. Every other unit is tested as the generated project's top.cpp wraps it.
#include "language_model/ternary_array.hpp"
#include "language_model/ternary_code.hpp"
#include "tritforge_config.hpp"

using Array = tritforge::TernaryArray<tritforge::Config>;

extern "C" void ternary_code(const ap_uint<8>& code, tritforge::TernaryDigits& digits) {
    digits = tritforge::decode_ternary_byte(code);
}

extern "C" void ternary_array(hls::stream<Array::HeaderWord>& headers,
                              hls::stream<Array::Beat>& weights,
                              hls::stream<Array::CodeGroup>& codes, hls::stream<Array::Sum>& sums) {
    static Array::State state;
    Array::step(state, headers, weights, codes, sums);
}
