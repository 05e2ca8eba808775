// SPDX-License-Identifier: Apache-2.0
//
// What hls_stream.h and hls_task.h have in common in C-simulation: how full a stream is, whatever
// its words are, and what happens where it would have to wait. Part of both; nothing for users.
#pragma once

#include <cstddef>
#include <string>

#include "ap_config.h"

namespace ap_shim {

class fifo;

/// Waits until a stream has a word (or room for one); false if nothing can ever change that. Set by
/// the first task.
inline bool (*fifo_wait)(const fifo& stream, bool for_room) = nullptr;
/// Whether a task runs: depths bound tasks, not test benches.
inline bool in_task = false;
/// All streams that have a depth, for a reset.
inline fifo* first_fifo = nullptr;

/// The part of a stream that does not depend on its words.
class fifo {
  public:
    explicit fifo(const std::string& name) : name_(name) {}
    // A FIFO has one producer and one consumer: it is handed on by reference.
    fifo(const fifo&) = delete;
    fifo& operator=(const fifo&) = delete;
    ~fifo() {
        for (fifo** link = &first_fifo; *link != nullptr; link = &(*link)->next_) {
            if (*link != this) continue;
            *link = next_;
            break;
        }
    }

    const std::string& name() const { return name_; }
    bool empty() const { return count_ == 0; }

    /// Not of the vendor's: bounds the stream to `capacity` elements; 0 takes the bound away.
    void set_capacity(std::size_t capacity) { capacity_ = capacity ? capacity : kUnbounded; }

    /// Not of the vendor's: forgets all words.
    void clear() { count_ = 0; }
    /// Not of the vendor's: whether a task that waits for a word (for room) can go on.
    bool ready(bool for_room) const {
        return for_room ? count_ < (depth_ < capacity_ ? depth_ : capacity_) : count_ != 0;
    }
    fifo* next() const { return next_; }

  protected:
    void set_depth(std::size_t depth) {
        depth_ = depth;
        next_ = first_fifo;
        first_fifo = this;
    }
    std::size_t bound() const { return in_task && depth_ < capacity_ ? depth_ : capacity_; }
    __attribute__((noinline, cold)) void wait_for_word() const {
        if (fifo_wait == nullptr || !fifo_wait(*this, false)) fail("read while empty");
    }
    __attribute__((noinline, cold)) void wait_for_room() const {
        if (fifo_wait == nullptr || !fifo_wait(*this, true)) fail("write while full");
    }

    std::size_t count_ = 0;

  private:
    static constexpr std::size_t kUnbounded = static_cast<std::size_t>(-1);

    [[noreturn]] void fail(const char* message) const {
        ap_shim::fail(("hls::stream '" + name_ + "'").c_str(), message);
    }

    std::string name_;
    std::size_t capacity_ = kUnbounded;
    std::size_t depth_ = kUnbounded;
    fifo* next_ = nullptr;
};

}  // namespace ap_shim
