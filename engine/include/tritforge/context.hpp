// SPDX-License-Identifier: Apache-2.0
// One stream of tokens: recurrent state, scratch memory and threads of its own.
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
#include "tritforge/engine.hpp"
#include "tritforge/signals.hpp"
#include "tritforge/thread_pool.hpp"

namespace tritforge {

class Context {
  public:
    /// Throws std::invalid_argument: `threads` is out of range.
    Context(std::shared_ptr<const Engine> engine, int threads);
    ~Context();

    const Engine& engine() const { return *engine_; }

    /// Run one token. Without the head no logits exist afterwards, and signals of the head's input
    /// and output count no saturations.
    /// Throws std::invalid_argument: no such token; std::runtime_error: used in a forked process.
    void advance(std::int64_t token, bool with_head);

    /// Throws std::invalid_argument unless `token` is in the vocabulary.
    void check_token(std::int64_t token) const;

    /// Zero state, no saturations, no logits.
    void reset();

    bool has_logits() const { return has_logits_; }
    const std::int32_t* logits() const { return logits_.get(); }
    const std::int32_t* accumulators() const { return accumulators_[0].get(); }

    /// State of one layer, (dim,).
    const std::int32_t* state(int layer) const;
    /// Replace the state by (layers, dim) values.
    /// Throws std::invalid_argument: a value is outside the width of the state.
    void restore(const std::int64_t* values);

    SaturationCounts saturations() const;

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

    /// Owned by one thread.
    struct alignas(64) Worker {
        SaturationCounts saturations;
        AlignedBuffer<std::int8_t> codes;
        AlignedBuffer<std::uint8_t> kernel_scratch;
    };

    /// Quantiser input of one operation; two of them take turns, because a thread may already fill
    /// the next one while another still reads this one.
    struct QuantiserInput {
        AlignedBuffer<std::int32_t> values[kMaximumOutputs];
        std::vector<Partial> partials;
    };

    void run_token(int thread) noexcept;
    void embed(int thread);
    void take_operand(std::size_t operation, int thread);
    void measure_operand(std::size_t operation, int thread);
    Scaling encode_output(std::size_t operation, int output, int width, Worker& worker);
    void multiply(std::size_t operation, int matrix, int thread);
    void mix(std::size_t operation, int thread);
    void project(std::size_t operation, int thread);
    void gated_linear_unit(std::size_t operation, int thread);
    void head(std::size_t operation, int thread);
    void gate(std::size_t operation, int thread, const std::int32_t* multiplicand,
              const std::int32_t* gate, int gate_fraction, Signal silu, Signal multiplicand_signal);
    Slice blocks_of(int count, int thread) const;
    Slice slice_of(int count, int thread) const;
    QuantiserInput& input_of(std::size_t operation) { return inputs_[operation % 2]; }

    const std::shared_ptr<const Engine> engine_;
    std::unique_ptr<ThreadPool> pool_;
    const long process_;
    const std::size_t state_stride_;
    std::int64_t token_ = 0;
    bool with_head_ = true;
    bool has_logits_ = false;
    AlignedBuffer<std::int32_t> state_, residual_, operand_, logits_;
    AlignedBuffer<std::int32_t> accumulators_[kMaximumOutputs];  ///< by matrix
    AlignedBuffer<std::int32_t> preactivations_[2];
    QuantiserInput inputs_[2];
    std::vector<Worker> workers_;
};

}  // namespace tritforge
