// SPDX-License-Identifier: Apache-2.0
//
// A machine of three small processes with the edge streams of the real one: for every row, output =
// 3 * weights_0 + weights_1 + input + what went out sixteen rows before. `command` is the number of
// rows; the result is a sum of the parameters and what was wrong with the packets.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"
#include "ram.hpp"

namespace toy {

using Word = ap_uint<64>;
/// TLAST above the data.
using PacketWord = ap_uint<65>;
using CommandWord = ap_uint<16>;
/// Early and late, a pair of bits a packet stream.
using FlagWord = ap_uint<4>;
using InputFlagWord = ap_uint<2>;
using ResultWord = ap_uint<40>;

}  // namespace toy

/// Reads the parameters, starts the others and collects what they say.
extern "C" void control(hls::stream<toy::CommandWord>& commands,
                        hls::stream<toy::PacketWord>& parameters,
                        hls::stream<toy::FlagWord>& adder_status,
                        hls::stream<toy::InputFlagWord>& emitter_status,
                        hls::stream<toy::CommandWord>& adder_headers,
                        hls::stream<toy::CommandWord>& emitter_headers,
                        hls::stream<toy::ResultWord>& results);

/// 3 * port_0 + port_1.
extern "C" void adder(hls::stream<toy::CommandWord>& headers, hls::stream<toy::PacketWord>& port_0,
                      hls::stream<toy::PacketWord>& port_1, hls::stream<toy::Word>& sums,
                      hls::stream<toy::FlagWord>& status);

/// Adds input and history, and makes a packet.
extern "C" void emitter(hls::stream<toy::CommandWord>& headers, hls::stream<toy::Word>& sums,
                        hls::stream<toy::PacketWord>& input, hls::stream<toy::PacketWord>& output,
                        hls::stream<toy::InputFlagWord>& status);
