// SPDX-License-Identifier: Apache-2.0
//
// hls::stream<T, DEPTH>: the FIFO between processes.
//
// C-simulation: an unbounded queue, as the vendor's is; a test may bound it with set_capacity().
// Reading an empty or writing a full stream prints the stream's name and aborts. Where there are
// tasks (hls_task.h), it waits instead, and DEPTH bounds what tasks write, as in hardware. Not safe
// for concurrent threads.
// Open flow (TRITFORGE_OPENHLS): a read or write is a call of __xls_read or __xls_write, without a
// body, which the translator turns into a receive or send. Only blocking access exists there: the
// translator refuses the others, by name. A struct travels as one word (hls_record.h).
#pragma once

#include "ap_config.h"
#include "ap_int.h"
#include "hls_record.h"

#ifdef TRITFORGE_OPENHLS

template <class Word>
Word __xls_read(const void* channel);
template <class Word>
void __xls_write(const void* channel, Word value);
bool __xls_stream_empty(const void* channel);
bool __xls_stream_full(const void* channel);
int __xls_stream_size(const void* channel);
bool __xls_stream_read_nb(const void* channel);
bool __xls_stream_write_nb(const void* channel);

#else

#include <cstddef>
#include <memory>
#include <string>

#include "ap_fifo_wait.h"

#endif

namespace hls {

#ifdef TRITFORGE_OPENHLS

/// The one integer that stands for a T on a channel; what has none is refused by the translator.
template <class T, class = void>
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
template <class T>
struct stream_word<T, std::enable_if_t<ap_shim::is_record_word<T>()>> {
    static constexpr int kWidth = ap_shim::bit_count<T>();
    using type = ap_shim::raw_t<kWidth, false>;
    static AP_SHIM_INLINE type pack(const T& x) { return ap_shim::record_word<T>::pack(x).raw(); }
    static AP_SHIM_INLINE T unpack(type word) {
        return ap_shim::record_word<T>::unpack(ap_uint<kWidth>::from_raw(word));
    }
};

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

    AP_SHIM_INLINE bool empty() const { return __xls_stream_empty(this); }
    AP_SHIM_INLINE bool full() const { return __xls_stream_full(this); }
    AP_SHIM_INLINE int size() const { return __xls_stream_size(this); }
    AP_SHIM_INLINE bool read_nb(T&) { return __xls_stream_read_nb(this); }
    AP_SHIM_INLINE bool write_nb(const T&) { return __xls_stream_write_nb(this); }

  private:
    char channel_;  // streams differ by their address
};

#else

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> : public ap_shim::fifo {
  public:
    explicit stream(const std::string& name = "unnamed") : ap_shim::fifo(name) {}

    bool full() const { return count_ >= bound(); }
    std::size_t size() const { return count_; }

    T read() {
        if (empty()) wait_for_word();
        const T x = words_[first_];
        first_ = (first_ + 1) & (room_ - 1);
        --count_;
        return x;
    }
    void read(T& x) { x = read(); }
    bool read_nb(T& x) {
        if (empty()) return false;
        x = read();
        return true;
    }
    void write(const T& x) {
        if (full()) wait_for_room();
        if (count_ == room_) grow();
        words_[(first_ + count_) & (room_ - 1)] = x;
        ++count_;
    }
    bool write_nb(const T& x) {
        if (full()) return false;
        write(x);
        return true;
    }
    void operator>>(T& x) { read(x); }
    void operator<<(const T& x) { write(x); }

  private:
    void grow() {
        const std::size_t room = room_ ? 2 * room_ : 16;
        std::unique_ptr<T[]> words(new T[room]);
        for (std::size_t i = 0; i < count_; ++i) words[i] = words_[(first_ + i) & (room_ - 1)];
        words_ = std::move(words);
        room_ = room;
        first_ = 0;
    }

    std::unique_ptr<T[]> words_;  // a ring of room_ words, a power of two
    std::size_t room_ = 0;
    std::size_t first_ = 0;
};

#endif

/// A stream of a given depth passes wherever a stream of the same type without depth is asked for.
template <class T, int DEPTH>
class stream : public stream<T, 0> {
    static_assert(DEPTH > 0, "The depth of a stream is the number of elements it holds.");

  public:
#ifdef TRITFORGE_OPENHLS
    using stream<T, 0>::stream;
    stream() = default;
#else
    explicit stream(const std::string& name = "unnamed") : stream<T, 0>(name) {
        this->set_depth(DEPTH);
    }
#endif
};

}  // namespace hls
