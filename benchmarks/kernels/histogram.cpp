// SPDX-License-Identifier: Apache-2.0
//
// Histogram in registers: counts saturate, a command clears and reads them.
#include "ap_int.h"
#include "hls_stream.h"

enum Command : unsigned char { kCount = 0, kRead = 1, kClear = 2 };

struct Request {
    Command command;
    ap_uint<4> bin;
};

extern "C" void histogram(hls::stream<Request>& requests, hls::stream<ap_uint<10>>& counts) {
    static ap_uint<10> bins[16];
    const Request request = requests.read();
    const ap_uint<10> old = bins[request.bin];
    switch (request.command) {
        case kCount:
            if (old != 1023) bins[request.bin] = old + 1;
            break;
        case kRead:
            counts.write(old);
            break;
        case kClear:
            for (int i = 0; i < 16; ++i) bins[i] = 0;
            break;
        default:
            counts.write(0);
    }
}
