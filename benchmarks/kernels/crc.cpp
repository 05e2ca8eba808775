// SPDX-License-Identifier: Apache-2.0
//
// CRC-32 of Ethernet: eight bits for each step, the check at the end of a frame.
#include "ap_axi_sdata.h"
#include "ap_int.h"

extern "C" void crc(hls::stream<ap_axiu<8, 0, 0, 0>>& frame, hls::stream<ap_uint<32>>& checks) {
    static ap_uint<32> state = 0xffffffff;
    const ap_axiu<8, 0, 0, 0> beat = frame.read();
    ap_uint<32> next = state ^ beat.data;
bits:
    for (int i = 0; i < 8; i++) {
        const bool low = next[0];
        next >>= 1;
        if (low) next ^= 0xedb88320u;
    }
    if (beat.last) {
        checks.write(~next);
        state = 0xffffffff;
    } else {
        state = next;
    }
}
