// SPDX-License-Identifier: Apache-2.0
// How the threads share the rows of one operation after another.
//
// The rows are cut into one share per thread. A thread begins with its own share, so on a quiet
// machine it works on the same rows in every token; then it takes shares that nobody has begun, so
// a thread that comes late keeps nobody waiting.
//
// A thread may also lose its processor amid a share, for a time slice that is longer than a whole
// token. Therefore the long part of a share, its products, goes to memory of the thread alone, and
// during it the share is *offered*: another thread without work may make the same products. Whoever
// has them first commits the share and writes its results; the other one drops its products when it
// comes back.
//
// Steps (operations) are numbered over all passes, and the state of a share is one number that only
// grows: a thread that is behind finds every share of its step finished, and can do no harm.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace tritforge::engine {

class RowShares {
  public:
    static constexpr int kNone = -1;

    /// Row blocks [first, last) of kRowBlock rows.
    struct Blocks {
        int first, last;
        int count() const { return last - first; }
    };

    /// Shares of equal size, one per thread.
    explicit RowShares(int threads);

    /// Make the size of each share proportional to a number >= 0; one is above 0. Between passes.
    /// A thread that is behind may see the new sizes, in products that it will drop.
    void resize(const std::vector<double>& sizes);
    /// Part of a share in an operation of that many rows.
    Blocks blocks_of(int rows, int share) const;

    /// Begin a share unless somebody has; whether that was so. A step must not be begun before the
    /// one before is complete, and cannot end until the share is offered or finished.
    bool begin(std::uint64_t step, int share);
    /// Begin the share of another thread; or kNone if all are begun.
    int begin_other(std::uint64_t step, int thread);
    /// Let others commit the share, too, from now on. The thread that has begun or holds it calls
    /// this.
    void offer(std::uint64_t step, int share);
    /// Keep an offered share from being committed until it is offered again, and so the step from
    /// ending; whether it was left.
    bool hold(std::uint64_t step, int share);
    /// Whether it is offered or held, and not committed.
    bool is_offered(std::uint64_t step, int share) const;
    /// A share that is offered, or kNone.
    int find_offered(std::uint64_t step, int thread) const;
    /// Take the sole right to write the results of an offered share; whether it was left. Waits
    /// while it is held.
    bool commit(std::uint64_t step, int share);
    /// End the share. The thread that has committed it, or begun and not offered it, calls this;
    /// what that thread has written is there for every thread that sees the step complete.
    void finish(std::uint64_t step, int share);
    /// Whether all shares are finished.
    bool is_complete(std::uint64_t step) const;

  private:
    /// A state is step * kStages + stage; anything lower means that nobody has begun the share.
    enum Stage : std::uint64_t { kBegun, kHeld, kOffered, kCommitted, kStages };

    static constexpr std::uint64_t state_of(std::uint64_t step, Stage stage) {
        return step * kStages + stage;
    }

    /// Threads that wait look at `finished` alone: so the state stays in the cache of its thread.
    struct Share {
        alignas(64) std::atomic<std::uint64_t> state{0};
        alignas(64) std::atomic<std::uint64_t> finished{0};  ///< last step
    };
    static constexpr std::uint32_t kWhole = 1U << 16;

    int boundary(int blocks, int share) const;
    int size() const { return static_cast<int>(shares_.size()); }
    Share& at(int share) { return shares_[static_cast<std::size_t>(share)]; }
    const Share& at(int share) const { return shares_[static_cast<std::size_t>(share)]; }
    /// The other shares for index 1, 2 ..., in an order of the thread's own, then its own.
    int other(int thread, int index) const { return (thread + index) % size(); }

    std::vector<Share> shares_;
    std::vector<std::atomic<std::uint32_t>>
        ends_;  ///< end of each share, in 1 / kWhole of all rows
};

}  // namespace tritforge::engine
