// SPDX-License-Identifier: Apache-2.0
//
// Token bucket: a packet passes if there are tokens for its length.
#include "ap_int.h"
#include "hls_stream.h"

struct Packet {
    ap_uint<11> length;
    ap_uint<8> ticks;  // since the last packet
};

extern "C" void token_bucket(hls::stream<Packet>& packets, const ap_uint<6>& rate,
                             const ap_uint<16>& depth, hls::stream<bool>& passes) {
    static ap_uint<16> tokens = 0;
    const Packet packet = packets.read();
    const ap_uint<18> refilled = tokens + rate * packet.ticks;
    ap_uint<16> now = refilled > depth ? depth : ap_uint<16>(refilled);
    const bool pass = now >= packet.length;
    if (pass) now -= packet.length;
    tokens = now;
    passes.write(pass);
}
