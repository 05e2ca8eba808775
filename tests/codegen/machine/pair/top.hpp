// SPDX-License-Identifier: Apache-2.0
//
// Two machines of one process each: `pair` adds two streams, `fork` also subtracts them into a
// second output. The command is the number of words.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"

namespace pair_machine {

using Word = ap_uint<64>;
/// TLAST above the data.
using PacketWord = ap_uint<65>;
using CommandWord = ap_uint<16>;
/// Error code, then a flag for each input whose packet did not end where it should.
using ResultWord = ap_uint<10>;

}  // namespace pair_machine

/// sums = x + y.
extern "C" void pair_up(hls::stream<pair_machine::CommandWord>& commands,
                        hls::stream<pair_machine::PacketWord>& x,
                        hls::stream<pair_machine::PacketWord>& y,
                        hls::stream<pair_machine::PacketWord>& sums,
                        hls::stream<pair_machine::ResultWord>& results);

/// sums = x + y, differences = x - y.
extern "C" void fork_up(hls::stream<pair_machine::CommandWord>& commands,
                        hls::stream<pair_machine::PacketWord>& x,
                        hls::stream<pair_machine::PacketWord>& y,
                        hls::stream<pair_machine::PacketWord>& sums,
                        hls::stream<pair_machine::PacketWord>& differences,
                        hls::stream<pair_machine::ResultWord>& results);
