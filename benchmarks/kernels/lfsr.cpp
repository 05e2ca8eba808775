// SPDX-License-Identifier: Apache-2.0
//
// Linear feedback shift register with a seed that can be loaded; 32 bits for each request.
#include "ap_int.h"
#include "hls_stream.h"

extern "C" void lfsr(hls::stream<ap_uint<33>>& requests, hls::stream<ap_uint<32>>& numbers) {
    static ap_uint<32> state = 0xACE1u;
    const ap_uint<33> request = requests.read();
    if (request[32]) {
        const ap_uint<32> seed = request.range(31, 0);
        state = seed == 0 ? ap_uint<32>(1) : seed;
    } else {
        const bool bit = state[0] ^ state[10] ^ state[30] ^ state[31];
        state = (state.range(30, 0), ap_uint<1>(bit));
        numbers.write(state);
    }
}
