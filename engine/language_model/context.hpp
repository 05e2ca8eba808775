// SPDX-License-Identifier: Apache-2.0
// One sequence of tokens: its recurrent state, the scores of its last token, what has saturated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/aligned_buffer.hpp"
#include "language_model/engine.hpp"
#include "language_model/signals.hpp"

namespace tritforge::engine::language_model {

/// Plain data; an Executor advances it.
class Context {
  public:
    explicit Context(std::shared_ptr<const Engine> engine);

    const Engine& engine() const { return *engine_; }

    /// Zero state, no saturations, no scores.
    void reset();

    /// State of one layer, (dim,).
    const std::int32_t* state(int layer) const;
    /// Replace the state by (layers, dim) values.
    /// Throws std::invalid_argument: a value is outside the width of the state.
    void restore(const std::int64_t* values);

    bool has_scores() const { return has_scores_; }
    /// Scale the accumulators of the head to logits, (vocabulary,).
    void logits(std::int32_t* result) const;
    const std::int32_t* accumulators() const { return accumulators_.get(); }
    const SaturationCounts& saturations() const { return saturations_; }

  private:
    friend class Executor;

    const std::shared_ptr<const Engine> engine_;
    const std::size_t state_stride_;
    bool has_scores_ = false;
    SaturationCounts saturations_;
    Scaling logit_scaling_{};
    AlignedBuffer<std::int32_t> state_, accumulators_;
};

}  // namespace tritforge::engine::language_model
