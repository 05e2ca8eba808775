// SPDX-License-Identifier: Apache-2.0
//
// A machine of three small processes with the edge of the real one (two ports, one lane): for every
// row, output = 3 * weights_0 + weights_1 + input + what went out sixteen rows before. The first
// parameter is the number of rows. The result has an error code, a sum of all parameters and the
// command in the place of the saturation flags, and what was wrong with the packets.
#pragma once

#include "ap_int.h"
#include "common/ram.hpp"
#include "hls_stream.h"

namespace toy {

using Word = ap_uint<64>;
/// TLAST above the data.
using PacketWord = ap_uint<65>;
using CommandWord = ap_uint<4>;
using RowCount = ap_uint<16>;
/// Early and late, a pair of bits a packet stream.
using FlagWord = ap_uint<4>;
using InputFlagWord = ap_uint<2>;
using ResultWord = ap_uint<31>;

}  // namespace toy

/// Reads the parameters, starts the others and collects what they say.
extern "C" void control(hls::stream<toy::CommandWord>& commands,
                        hls::stream<toy::PacketWord>& parameters,
                        hls::stream<toy::FlagWord>& adder_status,
                        hls::stream<toy::InputFlagWord>& emitter_status,
                        hls::stream<toy::RowCount>& adder_headers,
                        hls::stream<toy::RowCount>& emitter_headers,
                        hls::stream<toy::ResultWord>& results);

/// 3 * port_0 + port_1.
extern "C" void adder(hls::stream<toy::RowCount>& headers, hls::stream<toy::PacketWord>& port_0,
                      hls::stream<toy::PacketWord>& port_1, hls::stream<toy::Word>& sums,
                      hls::stream<toy::FlagWord>& status);

/// Adds input and history, and makes a packet.
extern "C" void emitter(hls::stream<toy::RowCount>& headers, hls::stream<toy::Word>& sums,
                        hls::stream<toy::PacketWord>& input, hls::stream<toy::PacketWord>& output,
                        hls::stream<toy::InputFlagWord>& status);
