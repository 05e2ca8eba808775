// SPDX-License-Identifier: Apache-2.0
#include "common/row_shares.hpp"

#include <algorithm>
#include <numeric>
#include <thread>

#include "common/row_blocks.hpp"

namespace tritforge::engine {

RowShares::RowShares(int threads)
    : shares_(static_cast<std::size_t>(threads)), ends_(shares_.size()) {
    resize(std::vector<double>(shares_.size(), 1.0));
}

void RowShares::resize(const std::vector<double>& sizes) {
    const double total = std::accumulate(sizes.begin(), sizes.end(), 0.0);
    double sum = 0.0;
    for (std::size_t share = 0; share < shares_.size(); ++share) {
        sum += sizes[share];
        const bool is_last = share + 1 == shares_.size();
        ends_[share].store(
            is_last ? kWhole : static_cast<std::uint32_t>(sum / total * kWhole + 0.5),
            std::memory_order_relaxed);
    }
}

int RowShares::boundary(int blocks, int share) const {
    if (share == 0) return 0;
    const std::uint64_t end =
        ends_[static_cast<std::size_t>(share - 1)].load(std::memory_order_relaxed);
    return static_cast<int>((static_cast<std::uint64_t>(blocks) * end + kWhole / 2) / kWhole);
}

RowShares::Blocks RowShares::blocks_of(int rows, int share) const {
    const int blocks = divide_up(rows, kRowBlock), first = boundary(blocks, share);
    // In order even for a thread that is behind and reads while sizes change.
    return {first, std::max(first, boundary(blocks, share + 1))};
}

bool RowShares::begin(std::uint64_t step, int share) {
    std::atomic<std::uint64_t>& state = at(share).state;
    std::uint64_t seen = state.load(std::memory_order_relaxed);
    // Relaxed: it hands nothing over.
    return seen < state_of(step, kBegun) &&
           state.compare_exchange_strong(seen, state_of(step, kBegun), std::memory_order_relaxed);
}

int RowShares::begin_other(std::uint64_t step, int thread) {
    for (int index = 1; index < size(); ++index) {
        if (begin(step, other(thread, index))) return other(thread, index);
    }
    return kNone;
}

void RowShares::offer(std::uint64_t step, int share) {
    at(share).state.store(state_of(step, kOffered), std::memory_order_release);
}

bool RowShares::hold(std::uint64_t step, int share) {
    std::uint64_t expected = state_of(step, kOffered);
    return at(share).state.compare_exchange_strong(
        expected, state_of(step, kHeld), std::memory_order_acq_rel, std::memory_order_relaxed);
}

bool RowShares::is_offered(std::uint64_t step, int share) const {
    const std::uint64_t state = at(share).state.load(std::memory_order_relaxed);
    return state == state_of(step, kOffered) || state == state_of(step, kHeld);
}

int RowShares::find_offered(std::uint64_t step, int thread) const {
    for (int index = 1; index <= size(); ++index) {
        if (is_offered(step, other(thread, index))) return other(thread, index);
    }
    return kNone;
}

bool RowShares::commit(std::uint64_t step, int share) {
    while (true) {
        std::uint64_t seen = state_of(step, kOffered);
        // Acquire: what threads that offered the share have read may be overwritten from now on.
        if (at(share).state.compare_exchange_strong(seen, state_of(step, kCommitted),
                                                    std::memory_order_acq_rel,
                                                    std::memory_order_relaxed)) {
            return true;
        }
        if (seen != state_of(step, kHeld)) return false;
        std::this_thread::yield();
    }
}

void RowShares::finish(std::uint64_t step, int share) {
    at(share).finished.store(step, std::memory_order_release);
}

bool RowShares::is_complete(std::uint64_t step) const {
    for (const Share& share : shares_) {
        if (share.finished.load(std::memory_order_acquire) < step) return false;
    }
    return true;
}

}  // namespace tritforge::engine
