// SPDX-License-Identifier: Apache-2.0
//
// A machine of three small processes: for every row, output = 3 * left + right + offset + what went
// out sixteen rows before. The first word of the setup packet is the number of rows. The result has
// an error code, a sum of all setup words, the command, and what was wrong with the packets.
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
/// Early and late, a pair of bits per packet stream.
using FlagWord = ap_uint<4>;
using OffsetFlagWord = ap_uint<2>;
using ResultWord = ap_uint<31>;

}  // namespace toy

/// Reads the setup, starts the others and collects what they say.
extern "C" void control(hls::stream<toy::CommandWord>& commands,
                        hls::stream<toy::PacketWord>& setup,
                        hls::stream<toy::FlagWord>& adder_status,
                        hls::stream<toy::OffsetFlagWord>& emitter_status,
                        hls::stream<toy::RowCount>& adder_headers,
                        hls::stream<toy::RowCount>& emitter_headers,
                        hls::stream<toy::ResultWord>& results);

/// sums = 3 * left + right.
extern "C" void adder(hls::stream<toy::RowCount>& headers, hls::stream<toy::PacketWord>& left,
                      hls::stream<toy::PacketWord>& right, hls::stream<toy::Word>& sums,
                      hls::stream<toy::FlagWord>& status);

/// Adds offsets and history, and makes a packet.
extern "C" void emitter(hls::stream<toy::RowCount>& headers, hls::stream<toy::Word>& sums,
                        hls::stream<toy::PacketWord>& offsets, hls::stream<toy::PacketWord>& output,
                        hls::stream<toy::OffsetFlagWord>& status);
