// SPDX-License-Identifier: Apache-2.0
//
// Packet filter: drops whole packets by their first beat.
#include "ap_axi_sdata.h"
#include "ap_int.h"
#include "hls_stream.h"

using Beat = hls::axis<ap_uint<16>, 1, 0, 4>;

extern "C" void packet_filter(hls::stream<Beat>& in, const ap_uint<16>& mask,
                              hls::stream<Beat>& passed, ap_uint<8>& dropped) {
    enum State { kFirst, kPass, kDrop };
    static State state = kFirst;
    static ap_uint<8> count = 0;
    const Beat beat = in.read();
    bool pass = state == kPass;
    if (state == kFirst) {
        pass = mask[beat.dest] && beat.data.range(3, 0) != 0;
        if (!pass) ++count;
    }
    if (pass) passed.write(beat);
    state = beat.last ? kFirst : pass ? kPass : kDrop;
    dropped = count;
}
