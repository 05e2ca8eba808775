// SPDX-License-Identifier: Apache-2.0
//
// a x + y in floating point: refused, there are integers only.
#include "hls_stream.h"

extern "C" void saxpy(hls::stream<int>& x, hls::stream<int>& y, hls::stream<int>& out) {
    const float scaled = 2.5f * x.read();
    out.write(static_cast<int>(scaled + y.read()));
}
