// SPDX-License-Identifier: Apache-2.0
//
// Leaky neurons that integrate and fire, four at a time.
#include "ap_fixed.h"
#include "hls_stream.h"
#include "hls_vector.h"

typedef ap_fixed<12, 4, AP_TRN, AP_SAT> level_t;

extern "C" void spiking_neuron(hls::stream<hls::vector<level_t, 4>>& currents,
                               hls::stream<ap_uint<4>>& spikes) {
    static level_t membrane[4];
    const hls::vector<level_t, 4> current = currents.read();
    ap_uint<4> fired = 0;
    for (int i = 0; i < 4; ++i) {
        const level_t next = membrane[i] - (membrane[i] >> 3) + current[i];
        fired[i] = next > 1.5;
        membrane[i] = fired[i] ? level_t(0) : next;
    }
    spikes.write(fired);
}
