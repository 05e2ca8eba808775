// SPDX-License-Identifier: Apache-2.0
//
// Comb filter on a shift register of the vendor's library, its delay an input.
#include "ap_int.h"
#include "ap_shift_reg.h"
#include "hls_stream.h"

extern "C" void delay_line(hls::stream<ap_int<10>>& in, const ap_uint<3>& delay,
                           hls::stream<ap_int<11>>& out) {
    static ap_shift_reg<ap_int<10>, 8> line;
    const ap_int<10> x = in.read();
    out.write(x - line.shift(x, delay));
}
