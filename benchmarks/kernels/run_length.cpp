// SPDX-License-Identifier: Apache-2.0
//
// Run-length encoder: a pair of value and count when the value changes.
#include "ap_int.h"
#include "hls_stream.h"

struct Run {
    ap_uint<4> value;
    ap_uint<6> count;
};

extern "C" void run_length(hls::stream<ap_uint<4>>& values, hls::stream<Run>& runs) {
    static Run run = {0, 0};
    const ap_uint<4> value = values.read();
    if (run.count != 0 && (value != run.value || run.count == 63)) {
        runs.write(run);
        run.count = 0;
    }
    run.value = value;
    run.count++;
}
