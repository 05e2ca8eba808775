// SPDX-License-Identifier: Apache-2.0
//
// A value that stays as it is written: no compiler merges what leads to it with what follows.
//
// What it computes: keep(x) == x.
// Interface:        any ap_int or ap_uint; a plain function of one value.
// Timing:           no hardware, no register.
// Why:              compilers reorder sums to make them shallow. Where carry chains are long and
//                   LUTs are scarce, the written order can be much smaller: `keep(a + b) + c` adds
//                   c to the finished sum. In the open flow (TRITFORGE_OPENHLS) it is a call
//                   without a body, which the translator takes as the value itself.
#pragma once

#include "ap_int.h"

#ifdef TRITFORGE_OPENHLS
template <class Raw>
__attribute__((const)) Raw __xls_keep(Raw value);
#endif

namespace tritforge {

template <class Word>
inline Word keep(const Word& value) {
#pragma HLS INLINE
#ifdef TRITFORGE_OPENHLS
    return Word::from_raw(__xls_keep<typename Word::raw_type>(value.raw()));
#else
    return value;
#endif
}

}  // namespace tritforge
