// SPDX-License-Identifier: Apache-2.0
//
// The fields of ap_axiu that a machine uses; the reference headers have no such file.
#pragma once

#include "ap_int.h"

template <int WData, int WUser, int WId, int WDest>
struct ap_axiu {
    ap_uint<WData> data;
    ap_uint<WData / 8> keep;
    ap_uint<WData / 8> strb;
    ap_uint<1> last;
};
