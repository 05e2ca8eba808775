// SPDX-License-Identifier: Apache-2.0
//
// The record of an AXI4-Stream beat: hls::axis, ap_axiu (unsigned data), ap_axis (signed data).
//
// A side channel of width 0 keeps its field, which then holds nothing. In the open flow the beat
// travels as one word: from bit 0 data, keep, strb, user, last, id, dest, empty ones left out.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"

namespace ap_shim {

/// Stands where a side channel of width 0 would be.
struct no_signal {
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr no_signal& operator=(const T&) {
        return *this;
    }
};

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
/// @tparam T payload, an ap_int or ap_uint; keep and strb have one bit per byte of it
/// @tparam WUser, WId, WDest widths of TUSER, TID and TDEST, 0 for none
template <class T, int WUser = 0, int WId = 0, int WDest = 0>
struct axis {
    static constexpr int kBytes = (T::width + 7) / 8;

    T data;
    ap_uint<kBytes> keep;
    ap_uint<kBytes> strb;
    typename ap_shim::side_channel<WUser>::type user;
    ap_uint<1> last;
    typename ap_shim::side_channel<WId>::type id;
    typename ap_shim::side_channel<WDest>::type dest;
};

/// Packs the fields of a beat into a word, or unpacks them, from bit 0 upwards.
template <int W>
class beat_packer {
  public:
    explicit AP_SHIM_INLINE beat_packer(const ap_uint<W>& word) : word_(word) {}

    template <int F>
    AP_SHIM_INLINE void put(const ap_uint<F>& field) {
        word_.range(position_ + F - 1, position_) = field;
        position_ += F;
    }
    template <int F>
    AP_SHIM_INLINE void take(ap_uint<F>& field) {
        field = word_.range(position_ + F - 1, position_);
        position_ += F;
    }
    AP_SHIM_INLINE void put(const ap_shim::no_signal&) {}
    AP_SHIM_INLINE void take(ap_shim::no_signal&) {}
    AP_SHIM_INLINE ap_uint<W> word() const { return word_; }

  private:
    ap_uint<W> word_;
    int position_ = 0;
};

template <class T, int WUser, int WId, int WDest>
struct stream_word<axis<T, WUser, WId, WDest>> {
    using beat = axis<T, WUser, WId, WDest>;
    static constexpr int kData = T::width;
    static constexpr int kWidth = kData + 2 * beat::kBytes + WUser + 1 + WId + WDest;
    using type = ap_shim::raw_t<kWidth, false>;

    static AP_SHIM_INLINE type pack(const beat& x) {
        beat_packer<kWidth> p(ap_uint<kWidth>(0));
        p.put(ap_uint<kData>(x.data));
        p.put(x.keep);
        p.put(x.strb);
        p.put(x.user);
        p.put(x.last);
        p.put(x.id);
        p.put(x.dest);
        return p.word().raw();
    }
    static AP_SHIM_INLINE beat unpack(type word) {
        beat_packer<kWidth> p(ap_uint<kWidth>::from_raw(word));
        beat x;
        ap_uint<kData> data;
        p.take(data);
        x.data = data;
        p.take(x.keep);
        p.take(x.strb);
        p.take(x.user);
        p.take(x.last);
        p.take(x.id);
        p.take(x.dest);
        return x;
    }
};

}  // namespace hls

template <int WData, int WUser, int WId, int WDest>
using ap_axiu = hls::axis<ap_uint<WData>, WUser, WId, WDest>;

template <int WData, int WUser, int WId, int WDest>
using ap_axis = hls::axis<ap_int<WData>, WUser, WId, WDest>;
