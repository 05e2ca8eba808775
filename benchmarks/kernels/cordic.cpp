// SPDX-License-Identifier: Apache-2.0
//
// CORDIC in rotation mode: cosine and sine of an angle by shifts and additions.
#include "ap_fixed.h"

typedef ap_fixed<18, 3> number_t;

extern "C" void cordic(const ap_fixed<16, 2>& angle, number_t& cosine, number_t& sine) {
#pragma HLS PIPELINE
    static const number_t kAngles[14] = {0.785398163397448, 0.463647609000806, 0.244978663126864,
                                         0.124354994546761, 0.062418809995957, 0.031239833430268,
                                         0.015623728620477, 0.007812341060101, 0.003906230131967,
                                         0.001953122516479, 0.000976562189559, 0.000488281211195,
                                         0.000244140620149, 0.000122070311894};
    number_t x = 0.607252935008881, y = 0, z = angle;
    for (int i = 0; i < 14; ++i) {
#pragma HLS UNROLL
        const number_t dx = y >> i, dy = x >> i;
        if (z >= 0) {
            x -= dx;
            y += dy;
            z -= kAngles[i];
        } else {
            x += dx;
            y -= dy;
            z += kAngles[i];
        }
    }
    cosine = x;
    sine = y;
}
