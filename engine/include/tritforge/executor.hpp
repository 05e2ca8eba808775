// SPDX-License-Identifier: Apache-2.0
// Runs tokens through a model: the thread pool and the scratch memory of up to kMaximumLanes lanes.
//
// A lane is one token of one context. All lanes of a pass go through an operation together, so its
// weights are read once. Lanes of the same context follow each other in time: every step but the
// recurrence is independent of the other lanes, and the recurrence takes them in order. The
// integers are those of one token at a time.
//
// Every thread owns a range of elements of each vector and a range of rows of each matrix. An
// operation is one pass without locks: all threads quantise the input (each for itself, that is
// cheaper than meeting), multiply their rows, run the element-wise part of those rows, and take the
// first quantiser pass of the next operation over them; then they meet once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tritforge/aligned_buffer.hpp"
#include "tritforge/context.hpp"
#include "tritforge/engine.hpp"
#include "tritforge/signals.hpp"
#include "tritforge/thread_pool.hpp"

namespace tritforge {

/// One token of one context.
struct Lane {
    Context* context;
    std::int64_t token;  ///< in the vocabulary
    bool with_head;      ///< compute the scores of this token
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

    /// For measurements: only the products of one token for that many lanes, without a meeting
    /// between operations. Returns seconds.
    double time_products(int lanes);

  private:
    /// Elements [first, last) of a vector; whole row blocks but for the end.
    struct Slice {
        int first, last;
        int count() const { return last - first; }
    };

    /// What one thread found in its slice of an operation's input.
    struct alignas(64) Partial {
        std::uint64_t square_sum;
        std::int32_t absmax[kMaximumOutputs];
    };

    /// Quantiser input of one operation; two of them take turns, because a thread may already fill
    /// the next one while another still reads this one.
    struct QuantiserInput {
        AlignedBuffer<std::int32_t> values[kMaximumOutputs];
        std::vector<Partial> partials;  ///< by thread
    };

    /// Vectors of one lane.
    struct LaneVectors {
        AlignedBuffer<std::uint8_t> embedding;  ///< row of the token, if it must be read
        const std::uint8_t* embedding_row = nullptr;
        AlignedBuffer<std::int32_t> residual, operand;
        AlignedBuffer<std::int32_t> accumulators[kMaximumOutputs];  ///< by matrix, not of the head
        AlignedBuffer<std::int32_t> preactivations[2];
        QuantiserInput inputs[2];
    };

    /// Owned by one thread.
    struct alignas(64) Worker {
        SaturationCounts saturations[kMaximumLanes];
        AlignedBuffer<std::int8_t> codes;
        AlignedBuffer<std::uint8_t> kernel_scratch;
    };

    void make_room(int lanes);
    void multiply_all(int thread) noexcept;
    void run_pass(int thread) noexcept;
    void embed(int lane, int thread);
    void take_operand(std::size_t operation, int lane, int thread);
    void measure_operand(std::size_t operation, int lane, int thread);
    /// Quantise every lane; returns how to scale its dot products.
    struct Scalings {
        Scaling at[kMaximumLanes];
    };
    Scalings encode_output(std::size_t operation, int output, int width, int thread);
    bool takes_part(std::size_t operation, int lane) const;
    void multiply(std::size_t operation, int matrix, int thread);
    void mix(std::size_t operation, int thread);
    void project(std::size_t operation, int thread);
    void gated_linear_unit(std::size_t operation, int thread);
    void head(std::size_t operation, int thread);
    void gate(std::size_t operation, int lane, int thread, const std::int32_t* multiplicand,
              const std::int32_t* gate, int gate_fraction, Signal silu, Signal multiplicand_signal);
    Slice blocks_of(int count, int thread) const;
    Slice slice_of(int count, int thread) const;
    void add_saturations(Signal signal, int lane, int thread, std::int64_t clamped);
    QuantiserInput& input_of(std::size_t operation, int lane) {
        return vectors_[static_cast<std::size_t>(lane)].inputs[operation % 2];
    }

    const std::shared_ptr<const Engine> engine_;
    ThreadPool pool_;
    const Lane* lanes_ = nullptr;
    int lane_count_ = 0;
    bool has_head_ = false;                  ///< of any lane
    std::vector<LaneVectors> vectors_;       ///< by lane, as many as were ever needed
    std::vector<Worker> workers_;            ///< by thread
    AlignedBuffer<std::int32_t> discarded_;  ///< scores of time_products
};

}  // namespace tritforge
