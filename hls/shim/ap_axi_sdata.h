// SPDX-License-Identifier: Apache-2.0
//
// The record of an AXI4-Stream beat: hls::axis, ap_axiu (unsigned data), ap_axis (signed data).
//
// A side channel of width 0 keeps its field, which then holds nothing. In the open flow the beat
// travels as one word: from bit 0 data, keep, strb, user, last, id, dest, empty ones left out.
#pragma once

#include "ap_int.h"
#include "hls_record.h"
#include "hls_stream.h"

namespace ap_shim {

template <int W>
struct side_channel {
    using type = ap_uint<W>;
};
template <>
struct side_channel<0> {
    using type = no_signal;
};

}  // namespace ap_shim

namespace hls {

/// One beat of an AXI4-Stream.
/// @tparam T payload, an integer or what is made of them (hls_record.h); keep and strb have one bit
/// per byte of it
/// @tparam WUser, WId, WDest widths of TUSER, TID and TDEST, 0 for none
template <class T, int WUser = 0, int WId = 0, int WDest = 0>
struct axis {
    static constexpr int kBytes = (ap_shim::bit_count<T>() + 7) / 8;

    T data;
    ap_uint<kBytes> keep;
    ap_uint<kBytes> strb;
    typename ap_shim::side_channel<WUser>::type user;
    ap_uint<1> last;
    typename ap_shim::side_channel<WId>::type id;
    typename ap_shim::side_channel<WDest>::type dest;

    AP_SHIM_INLINE T get_data() const { return data; }
    AP_SHIM_INLINE void set_data(const T& x) { data = x; }
#define AP_SHIM_CHANNEL(name)                               \
    AP_SHIM_INLINE auto get_##name() const { return name; } \
    template <class Value>                                  \
    AP_SHIM_INLINE void set_##name(const Value& x) {        \
        name = x;                                           \
    }
    AP_SHIM_CHANNEL(keep)
    AP_SHIM_CHANNEL(strb)
    AP_SHIM_CHANNEL(user)
    AP_SHIM_CHANNEL(last)
    AP_SHIM_CHANNEL(id)
    AP_SHIM_CHANNEL(dest)
#undef AP_SHIM_CHANNEL
    /// All bytes count.
    AP_SHIM_INLINE void keep_all() {
        keep = -1;
        strb = -1;
    }
};

}  // namespace hls

template <int WData, int WUser, int WId, int WDest>
using ap_axiu = hls::axis<ap_uint<WData>, WUser, WId, WDest>;

template <int WData, int WUser, int WId, int WDest>
using ap_axis = hls::axis<ap_int<WData>, WUser, WId, WDest>;
