// SPDX-License-Identifier: Apache-2.0
//
// A kernel with one of everything: an input, an output, streams, a RAM, a register and a table.
#include "ap_int.h"
#include "common/ram.hpp"
#include "hls_stream.h"

static const ap_uint<4> kSteps[4] = {1, 3, 5, 7};

extern "C" void running_sum(hls::stream<ap_uint<8>>& words, const ap_uint<2>& step,
                            hls::stream<ap_uint<12>>& sums, bool& is_large) {
    static ap_uint<12> sum = 1;
    static ap_uint<5> place = 0;
    static tritforge::Ram<ap_uint<12>, 32> history;
    const ap_uint<8> word = words.read();
    sum = sum + word + kSteps[step];
    history.write(place, sum);
    if (word != 0) sums.write(history.read(place + 1));
    place = place + 1;
    is_large = sum > 1000;
}
