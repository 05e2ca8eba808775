// SPDX-License-Identifier: Apache-2.0
//
// The project's units as top functions; tritforge_config.hpp is generated for each test.
#include "code_buffer.hpp"
#include "quantiser.hpp"
#include "scalar_unit.hpp"
#include "ternary_array.hpp"
#include "ternary_code.hpp"
#include "tritforge_config.hpp"

using Array = tritforge::TernaryArray<tritforge::Config>;
using Buffer = tritforge::CodeBuffer<tritforge::Config>;
using Quantise = tritforge::Quantiser<tritforge::Config>;
using Scalar = tritforge::ScalarUnit<tritforge::Config>;

extern "C" void ternary_code(const ap_uint<8>& code, tritforge::TernaryDigits& digits) {
    digits = tritforge::decode_ternary_byte(code);
}

extern "C" void ternary_array(hls::stream<Array::HeaderWord>& headers,
                              hls::stream<Array::Beat>& weights,
                              hls::stream<Array::CodeGroup>& codes,
                              hls::stream<Array::SumWord>& sums) {
    static Array::State state;
    Array::step(state, headers, weights, codes, sums);
}

extern "C" void scalar_unit(hls::stream<Scalar::RequestWord>& requests,
                            hls::stream<Scalar::ResponseWord>& responses) {
    static Scalar::State state;
    Scalar::step(state, requests, responses);
}

extern "C" void quantiser(hls::stream<Quantise::HeaderWord>& headers,
                          hls::stream<Quantise::Operand>& operands,
                          hls::stream<Quantise::GainWord>& gains,
                          hls::stream<Quantise::RequestWord>& requests,
                          hls::stream<Quantise::ResponseWord>& responses,
                          hls::stream<Quantise::ScaleWord>& scales,
                          hls::stream<Quantise::CodeWord>& codes, ap_uint<2>& saturated) {
    static Quantise::State state;
    static Quantise::LongMemory long_memory;
    static Quantise::ShortMemory short_memories[Quantise::kShortMemories];
    Quantise::step(state, headers, operands, gains, requests, responses, scales, codes, long_memory,
                   short_memories);
    saturated[0] = state.square_operand_saturated;
    saturated[1] = state.value_saturated;
}

extern "C" void code_buffer(hls::stream<Buffer::HeaderWord>& headers,
                            hls::stream<Buffer::CodeWord>& codes,
                            hls::stream<Buffer::CodeGroup>& groups) {
    static Buffer::State state;
    static Buffer::Memory memory[Buffer::kLanes];
    Buffer::step(state, headers, codes, groups, memory);
}
