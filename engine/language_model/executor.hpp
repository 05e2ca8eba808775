// SPDX-License-Identifier: Apache-2.0
// Runs tokens through a model: the thread pool and the scratch memory of up to kMaximumLanes lanes.
//
// A lane is one token of one context. All lanes of a pass go through an operation together, so its
// weights are read once. Lanes of the same context follow each other in time: every step but the
// recurrence is independent of the other lanes, and the recurrence takes them in order. The
// integers are those of one token at a time.
//
// The threads share the rows of every operation (row_shares.hpp). Before its first rows of an
// operation, each thread quantises the input (each for itself, that is cheaper than meeting). For a
// share of rows it makes the products, runs the element-wise part, and takes the first quantiser
// pass of the next operation over them. An operation begins when all rows of the one before are
// finished. No step waits for a thread that has lost its processor among its products: another one
// makes them again, and the pass may even end without it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/aligned_buffer.hpp"
#include "common/paces.hpp"
#include "common/row_shares.hpp"
#include "common/thread_pool.hpp"
#include "language_model/context.hpp"
#include "language_model/engine.hpp"
#include "language_model/signals.hpp"

namespace tritforge::engine::language_model {

/// One token of one context.
struct Lane {
    Context* context;
    std::int64_t token;                   ///< its number in the vocabulary
    bool with_head;                       ///< compute the scores of this token
    const std::int32_t* input = nullptr;  ///< residual (dim,) to begin with instead of the token's
    std::int32_t* output = nullptr;       ///< where the residual (dim,) after the last layer goes
};

class Executor {
  public:
    /// Throws std::invalid_argument: `threads` is out of range.
    Executor(std::shared_ptr<const Engine> engine, int threads);

    int threads() const { return pool_.size(); }

    /// Run 1 to kMaximumLanes lanes; those of one context in the order of time, and only the last
    /// of them with head. A context has scores afterwards if its last lane had the head; signals of
    /// the head's input and output count saturations only then.
    /// Throws std::runtime_error: the embedding cannot be read; nothing has changed then.
    void run(const Lane* lanes, int count);

    /// How many shares of rows a thread has finished in place of one that did not come to it or
    /// back from it in time. While no pass runs.
    std::int64_t rescued() const;

    /// For measurements: only the products of one token for that many lanes, without a meeting
    /// between operations. Returns seconds.
    double time_products(int lanes);

  private:
    /// Elements [first, last) of a vector; whole row blocks but for the end.
    struct Slice {
        int first, last;
        int count() const { return last - first; }
    };

    /// What was found in one share of an operation's input.
    struct alignas(64) Partial {
        std::uint64_t square_sum;
        std::int32_t absmax[kConsumers];
    };

    /// Quantiser input of one operation; two of them take turns, because a thread may already fill
    /// the next one while another still reads this one.
    struct QuantiserInput {
        AlignedBuffer<std::int32_t> values[kConsumers];
        std::vector<Partial> partials;  ///< one per share
    };

    /// Vectors of one lane.
    struct LaneVectors {
        AlignedBuffer<std::uint8_t> embedding;  ///< row of the token, if it must be read
        const std::uint8_t* embedding_row = nullptr;
        AlignedBuffer<std::int32_t> residual, operand;
        AlignedBuffer<std::int32_t> preactivations[2];
        QuantiserInput inputs[2];
    };

    /// Lanes of an operation and how to scale their dot products.
    struct Scalings {
        Scaling at[kMaximumLanes];
        bool multiplier_saturated[kMaximumLanes];
        bool square_sum_saturated[kMaximumLanes];
    };

    /// Products of one lane.
    struct Accumulators {
        AlignedBuffer<std::int32_t> of[kConsumers];  ///< one per matrix; the head has none
    };

    /// Owned by one thread: all that it reads and writes for products that are on offer, besides
    /// the weights. The pass may be over when it comes to the end of them.
    struct alignas(64) Worker {
        SaturationCounts saturations[kMaximumLanes];
        AlignedBuffer<std::int8_t> codes;
        AlignedBuffer<std::uint8_t> kernel_scratch[kConsumers];
        std::vector<Accumulators> accumulators;  ///< one per lane
        Scalings scalings[kConsumers];
        std::int64_t rescued = 0;
        bool is_quantised = false;     ///< whether the input of this operation is
        bool expects_absence = false;  ///< another thread did not begin its share in time
        int lanes = 0;                 ///< how many take part in the operation
        std::chrono::nanoseconds product_time{0};  ///< what the last timed share took
    };

    /// Rows of an operation that a thread finishes.
    struct Rows {
        std::size_t operation;
        int share;
        Slice slice;
        int thread;
    };

    void make_room(int lanes);
    void make_private_room(Worker& worker, int lanes);
    void multiply_all(int thread) noexcept;
    void run_pass(int thread) noexcept;
    void run_operation(std::uint64_t step, std::size_t operation, int thread);
    void run_share(std::uint64_t step, std::size_t operation, int share, int thread);
    bool multiply_again(std::uint64_t step, std::size_t operation, int share, int thread);
    void finish(std::uint64_t step, std::size_t operation, int share, int thread);

    /// Elements of an operation's result.
    int rows_of(std::size_t operation) const;
    /// Whether the products go to memory of the thread: not the scores, which are many.
    bool is_private(std::size_t operation) const;
    bool takes_part(std::size_t operation, int lane) const;
    void quantise(std::size_t operation, int thread);
    void encode(std::size_t operation, int consumer, int width, int thread);
    void multiply(std::size_t operation, int matrix, RowShares::Blocks blocks, int thread);

    void finish_rows(const Rows& rows);
    void count_scalings(const Rows& rows);
    void embed(const Rows& rows);
    void mix(const Rows& rows);
    void gated_linear_unit(const Rows& rows);
    void gate(const Rows& rows, int lane, const std::int32_t* multiplicand,
              const std::int32_t* gate, int argument_shift, int narrowing, Signal silu,
              Signal multiplicand_signal);
    void project(const Rows& rows);
    void head(const Rows& rows);
    void take_operand(const Rows& rows, int lane);
    void measure_operand(const Rows& rows, int lane);
    void add_saturations(Signal signal, int lane, int thread, std::int64_t clamped);

    bool has_head() const { return pass_.load(std::memory_order_relaxed) % 2 != 0; }
    Worker& worker(int thread) { return workers_[static_cast<std::size_t>(thread)]; }
    LaneVectors& vectors(int lane) { return vectors_[static_cast<std::size_t>(lane)]; }
    std::int32_t* accumulators(int thread, int lane, int matrix) {
        return worker(thread).accumulators[static_cast<std::size_t>(lane)].of[matrix].get();
    }
    QuantiserInput& input_of(std::size_t operation, int lane) {
        return vectors(lane).inputs[operation % 2];
    }

    const std::shared_ptr<const Engine> engine_;
    RowShares shares_;
    Paces paces_;
    /// Twice the number of the pass, and 1 if one of its lanes has the head. Written after all else
    /// that describes the pass; that is read only by a thread that keeps the pass from ending.
    std::atomic<std::uint64_t> pass_{0};
    const Lane* lanes_ = nullptr;
    int lane_count_ = 0;
    std::vector<LaneVectors> vectors_;       ///< one per lane, as many as were ever needed
    std::vector<Worker> workers_;            ///< one per thread
    AlignedBuffer<std::int32_t> discarded_;  ///< scores of time_products
    const bool spins_;
    ThreadPool pool_;  ///< last: its threads may still use what is above when this object goes
};

}  // namespace tritforge::engine::language_model
