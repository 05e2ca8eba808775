// SPDX-License-Identifier: Apache-2.0
//
// hls::stream<T, DEPTH>: the FIFO between processes.
//
// C-simulation: an unbounded queue, as the vendor's is (DEPTH only matters in hardware); a test
// may bound it with set_capacity(). Reading an empty or writing a full stream prints the stream's
// name and aborts. Not safe for concurrent threads.
// Open flow (TRITFORGE_OPENHLS): a read or write is a call of __xls_read or __xls_write, without a
// body, which the translator turns into a receive or send; only blocking access exists there.
#pragma once

#include "ap_config.h"
#include "ap_int.h"

#ifdef TRITFORGE_OPENHLS

template <class Word>
Word __xls_read(const void* channel);
template <class Word>
void __xls_write(const void* channel, Word value);

#else

#include <cstddef>
#include <deque>
#include <string>

#endif

namespace hls {

#ifdef TRITFORGE_OPENHLS

/// The one integer that stands for a T on a channel; records specialise it (ap_axi_sdata.h).
template <class T>
struct stream_word {
    using type = T;
    static AP_SHIM_INLINE type pack(const T& x) { return x; }
    static AP_SHIM_INLINE T unpack(type word) { return word; }
};

template <class Ap, int W, bool S>
struct ap_stream_word {
    using type = ap_shim::raw_t<W, S>;
    static AP_SHIM_INLINE type pack(const Ap& x) { return x.raw(); }
    static AP_SHIM_INLINE Ap unpack(type word) { return Ap::from_raw(word); }
};
template <int W>
struct stream_word<ap_int<W>> : ap_stream_word<ap_int<W>, W, true> {};
template <int W>
struct stream_word<ap_uint<W>> : ap_stream_word<ap_uint<W>, W, false> {};

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> {
  public:
    stream() = default;
    explicit AP_SHIM_INLINE stream(const char*) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    AP_SHIM_INLINE T read() {
        return stream_word<T>::unpack(__xls_read<typename stream_word<T>::type>(this));
    }
    AP_SHIM_INLINE void read(T& x) { x = read(); }
    AP_SHIM_INLINE void write(const T& x) {
        __xls_write<typename stream_word<T>::type>(this, stream_word<T>::pack(x));
    }
    AP_SHIM_INLINE void operator>>(T& x) { read(x); }
    AP_SHIM_INLINE void operator<<(const T& x) { write(x); }

  private:
    char channel_;  // streams differ by their address
};

#else

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> {
  public:
    stream() = default;
    explicit stream(const char* name) : name_(name) {}
    explicit stream(const std::string& name) : name_(name) {}
    // A FIFO has one producer and one consumer: it is handed on by reference.
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    const std::string& name() const { return name_; }
    bool empty() const { return queue_.empty(); }
    bool full() const { return capacity_ != 0 && queue_.size() >= capacity_; }
    std::size_t size() const { return queue_.size(); }

    /// Not of the vendor's: bounds the stream to `capacity` elements; 0 takes the bound away.
    void set_capacity(std::size_t capacity) { capacity_ = capacity; }

    T read() {
        if (empty()) fail("read while empty");
        const T x = queue_.front();
        queue_.pop_front();
        return x;
    }
    void read(T& x) { x = read(); }
    bool read_nb(T& x) {
        if (empty()) return false;
        x = read();
        return true;
    }
    void write(const T& x) {
        if (full()) fail("write while full");
        queue_.push_back(x);
    }
    bool write_nb(const T& x) {
        if (full()) return false;
        write(x);
        return true;
    }
    void operator>>(T& x) { read(x); }
    void operator<<(const T& x) { write(x); }

  private:
    [[noreturn]] void fail(const char* message) const {
        ap_shim::fail(("hls::stream '" + name_ + "'").c_str(), message);
    }

    std::string name_ = "unnamed";
    std::deque<T> queue_;
    std::size_t capacity_ = 0;
};

#endif

/// A stream of a given depth passes wherever a stream of the same type without depth is asked for.
template <class T, int DEPTH>
class stream : public stream<T, 0> {
    static_assert(DEPTH > 0, "The depth of a stream is the number of elements it holds.");

  public:
    using stream<T, 0>::stream;
    stream() = default;
};

}  // namespace hls
