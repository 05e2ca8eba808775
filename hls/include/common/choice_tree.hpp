// SPDX-License-Identifier: Apache-2.0
//
// Choice tree: one of many registers by its index.
//
// What it computes: values[index]; anything behind the last one.
// Interface:        pure function, no state.
// Formats:          any ap_int or ap_uint.
// Timing:           combinational; a level of choices for every bit of the index, two of which fit
//                   one LUT6. Comparisons with every index, which an array access becomes, take
//                   four times the LUTs.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"

namespace tritforge {

/// @tparam T  type of a value
/// @tparam N  number of values
/// @tparam W  width of the index
template <class T, int N, int W>
inline T choice_tree(const T (&values)[N], const ap_uint<W>& index) {
#pragma HLS INLINE
    T left[N];
leaves:
    for (int place = 0; place < N; ++place) {
#pragma HLS UNROLL
        left[place] = values[place];
    }
levels:
    for (int level = 0; level < W; ++level) {
#pragma HLS UNROLL
        const int count = groups_of(N, 1 << level);
        const bool odd = index[level];
    choices:
        for (int place = 0; place < N / 2 + 1; ++place) {
#pragma HLS UNROLL
            if (2 * place + 1 < count) {
                left[place] = odd ? left[2 * place + 1] : left[2 * place];
            } else if (2 * place < count) {
                left[place] = left[2 * place];
            }
        }
    }
    return left[0];
}

}  // namespace tritforge
