// SPDX-License-Identifier: Apache-2.0
//
// The DRAM behind the streams of a machine, cycle by cycle: bandwidth, latency, refresh and the
// requests of one DMA engine per stream. The generated translation unit says in kStreams how many.
//
// A stream asks for bursts ahead, as many as it may have in flight and its buffer (as large as
// these) has room for. The memory serves bursts in the order in which they were asked for, one
// after the other, each not before its latency is over, at a rate that on average (refresh
// included) is bytes_per_cycle. A port of the machine moves one word per cycle at most, whatever
// the memory does. Words that are written collect in a buffer until a burst is full or the packet
// ends.
#pragma once

#include <cstdint>
#include <deque>

#include "tritforge_machine.h"

class MemoryModel {
  public:
    static constexpr double kWordBytes = 8;

    void configure(const struct tritforge_memory& memory) { memory_ = memory; }
    const struct tritforge_memory& configuration() const { return memory_; }

    /// Forgets all transfers; the time goes on.
    void stop() {
        queue_.clear();
        for (Stream& stream : streams_) stream = Stream();
        served_ = 0;
        credit_ = 0;
    }
    void start_read(int stream, std::uint64_t words) {
        streams_[stream] = Stream();
        streams_[stream].to_request = words;
    }
    void start_write(int stream) { streams_[stream] = Stream(); }

    /// Whether a word of a read transfer has arrived; the transfer itself says how many there are.
    bool has_word(int stream) const { return unlimited() || streams_[stream].buffered != 0; }
    void take_word(int stream) {
        if (!unlimited()) --streams_[stream].buffered;
    }
    bool has_room(int stream) const {
        const Stream& state = streams_[stream];
        return unlimited() || state.buffered + state.in_flight < capacity();
    }
    void put_word(int stream, bool last) {
        bytes_ += unlimited() ? static_cast<std::uint64_t>(kWordBytes) : 0;
        if (unlimited()) return;
        Stream& state = streams_[stream];
        ++state.buffered;
        if (!last && state.buffered < memory_.burst_words) return;
        request(stream, state.buffered, true);
        state.buffered = 0;
    }
    /// Whether something is on its way.
    bool busy() const { return !queue_.empty(); }

    void cycle() {
        ++now_;
        if (unlimited()) return;
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) ask(stream);
        if (memory_.refresh_interval != 0 &&
            now_ % memory_.refresh_interval < memory_.refresh_cycles) {
            ++refresh_cycles_;
            return;
        }
        serve();
    }

    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t refresh_cycles() const { return refresh_cycles_; }
    void clear_counters() { bytes_ = refresh_cycles_ = 0; }

  private:
    struct Stream {
        std::uint64_t to_request = 0;
        std::uint64_t in_flight = 0;
        std::uint64_t requests = 0;
        std::uint64_t buffered = 0;
    };
    struct Request {
        std::uint64_t stream;
        std::uint64_t words;
        std::uint64_t ready;
        bool write;
    };

    bool unlimited() const { return memory_.bytes_per_cycle == 0; }
    std::uint64_t capacity() const { return memory_.burst_words * memory_.outstanding; }

    void request(std::uint64_t stream, std::uint64_t words, bool write) {
        streams_[stream].in_flight += words;
        ++streams_[stream].requests;
        queue_.push_back({stream, words, now_ + memory_.latency_cycles, write});
    }

    void ask(std::uint64_t stream) {
        Stream& state = streams_[stream];
        if (state.to_request == 0 || state.requests == memory_.outstanding) return;
        const std::uint64_t words =
            state.to_request < memory_.burst_words ? state.to_request : memory_.burst_words;
        if (state.buffered + state.in_flight + words > capacity()) return;
        state.to_request -= words;
        request(stream, words, false);
    }

    void serve() {
        // What is not used in a cycle is lost, but for the fraction of a word.
        const double rate = memory_.bytes_per_cycle * rate_between_refreshes();
        credit_ = (credit_ < kWordBytes ? credit_ : kWordBytes) + rate;
        while (credit_ >= kWordBytes && !queue_.empty() && queue_.front().ready <= now_) {
            Request& first = queue_.front();
            Stream& state = streams_[first.stream];
            credit_ -= kWordBytes;
            bytes_ += static_cast<std::uint64_t>(kWordBytes);
            --state.in_flight;
            if (!first.write) ++state.buffered;
            if (++served_ < first.words) continue;
            served_ = 0;
            --state.requests;
            queue_.pop_front();
        }
    }

    double rate_between_refreshes() const {
        if (memory_.refresh_interval == 0) return 1;
        const double interval = static_cast<double>(memory_.refresh_interval);
        return interval / (interval - static_cast<double>(memory_.refresh_cycles));
    }

    struct tritforge_memory memory_ = {};
    Stream streams_[kStreams];
    std::deque<Request> queue_;
    std::uint64_t served_ = 0;  // words of the first request
    double credit_ = 0;         // bytes
    std::uint64_t now_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t refresh_cycles_ = 0;
};
