// SPDX-License-Identifier: Apache-2.0
//
// Axis words: beats of an AXI4-Stream become words of a stream between processes, and back.
//
// What it computes: nothing; TLAST goes above the 64 bits of data.
// Interface:        beats   64 bits of data; TKEEP is ignored, as packets are whole words;
//                   words   TLAST in bit 64, data below it.
// Timing:           one word per step.
// Assumptions:      none.
#pragma once

#include "ap_axi_sdata.h"
#include "ap_int.h"
#include "hls_stream.h"

namespace tritforge {

/// A task of hls_task.h: one step.
inline void receive_words(hls::stream<ap_axiu<64, 0, 0, 0>>& beats,
                          hls::stream<ap_uint<65>>& words) {
#pragma HLS PIPELINE II = 1
    const ap_axiu<64, 0, 0, 0> beat = beats.read();
    ap_uint<65> word = beat.data;
    word[64] = beat.last;
    words.write(word);
}

/// A task of hls_task.h: one step.
inline void send_words(hls::stream<ap_uint<65>>& words, hls::stream<ap_axiu<64, 0, 0, 0>>& beats) {
#pragma HLS PIPELINE II = 1
    const ap_uint<65> word = words.read();
    ap_axiu<64, 0, 0, 0> beat;
    beat.data = word.range(63, 0);
    beat.keep = -1;
    beat.strb = -1;
    beat.last = word[64];
    beats.write(beat);
}

}  // namespace tritforge
