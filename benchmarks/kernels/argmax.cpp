// SPDX-License-Identifier: Apache-2.0
//
// Place of the largest value in a packet, the first one of equals.
#include "ap_axi_sdata.h"
#include "ap_int.h"

extern "C" void argmax(hls::stream<ap_axis<16, 0, 0, 0>>& scores,
                       hls::stream<ap_uint<12>>& places) {
    static ap_int<16> best;
    static ap_uint<12> best_place, place;
    const ap_axis<16, 0, 0, 0> score = scores.read();
    if (place == 0 || score.data > best) {
        best = score.data;
        best_place = place;
    }
    ++place;
    if (score.last) {
        places.write(best_place);
        place = 0;
    }
}
