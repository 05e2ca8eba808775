// SPDX-License-Identifier: Apache-2.0
//
// Colour to grey: a stream of structs, weights of ITU-R BT.601 in 8 bits.
#include "ap_int.h"
#include "hls_stream.h"

struct Pixel {
    ap_uint<8> red, green, blue;
};

extern "C" void rgb_to_grey(hls::stream<Pixel>& colours, hls::stream<ap_uint<8>>& greys) {
    const Pixel pixel = colours.read();
    const ap_uint<16> weighted = 77 * pixel.red + 150 * pixel.green + 29 * pixel.blue + 128;
    greys.write(weighted >> 8);
}
