// SPDX-License-Identifier: Apache-2.0
//
// PID controller in fixed point: the integral saturates, gains are inputs.
#include "ap_fixed.h"
#include "hls_stream.h"

typedef ap_fixed<16, 6, AP_RND_CONV, AP_SAT> value_t;
typedef ap_ufixed<12, 4> gain_t;

extern "C" void pid(hls::stream<value_t>& errors, const gain_t& kp, const gain_t& ki,
                    const gain_t& kd, hls::stream<value_t>& controls) {
    static value_t integral = 0, before = 0;
    const value_t error = errors.read();
    integral += error * ki;
    const value_t difference = error - before;
    before = error;
    controls.write(value_t(kp * error + integral + kd * difference));
}
