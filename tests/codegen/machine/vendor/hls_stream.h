// SPDX-License-Identifier: Apache-2.0
//
// hls::stream<T, DEPTH> as of Vitis HLS 2020.2, on top of the reference headers, which are older
// and know no depth.
#pragma once

#include <deque>
#include <iostream>
#include <string>

#define stream stream_without_depth
#include_next "hls_stream.h"
#undef stream

namespace hls {

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> : public stream_without_depth<T> {
  public:
    using stream_without_depth<T>::stream_without_depth;
};

template <class T, int DEPTH>
class stream : public stream<T, 0> {
  public:
    using stream<T, 0>::stream;
};

}  // namespace hls
