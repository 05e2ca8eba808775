// SPDX-License-Identifier: Apache-2.0
//
// Numerically controlled oscillator: a phase accumulator, a quarter of a sine, dithering.
#include "ap_int.h"
#include "hls_stream.h"

static const ap_uint<9> kQuarter[16] = {13,  38,  63,  87,  110, 133, 155, 176,
                                        195, 213, 229, 244, 257, 268, 277, 284};

extern "C" void oscillator(hls::stream<ap_uint<24>>& steps, hls::stream<ap_int<10>>& wave) {
    static ap_uint<24> phase = 0;
    static ap_uint<7> noise = 1;
    phase += steps.read();
    noise = (noise.range(5, 0), ap_uint<1>(noise[6] ^ noise[5]));
    const ap_uint<24> dithered = phase + noise;
    const ap_uint<2> quadrant = dithered.range(23, 22);
    ap_uint<4> index = dithered.range(21, 18);
    if (quadrant[0]) index = ~index;
    const ap_int<10> value = kQuarter[index];
    wave.write(quadrant[1] ? ap_int<10>(-value) : value);
}
