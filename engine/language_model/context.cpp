// SPDX-License-Identifier: Apache-2.0
#include "language_model/context.hpp"

#include <algorithm>

#include "common/checked_fields.hpp"
#include "common/fixed_point.hpp"

namespace tritforge::engine::language_model {

Context::Context(std::shared_ptr<const Engine> engine)
    : engine_(std::move(engine)), state_stride_(padded_rows(engine_->shape().dim)) {
    const ModelShape& shape = engine_->shape();
    state_ = AlignedBuffer<std::int32_t>(state_stride_ * static_cast<std::size_t>(shape.layers));
    if (engine_->part().has_head) {
        accumulators_ = AlignedBuffer<std::int32_t>(padded_rows(shape.vocabulary));
    }
}

void Context::reset() {
    const std::size_t count = state_stride_ * static_cast<std::size_t>(engine_->shape().layers);
    std::fill_n(state_.get(), count, 0);
    saturations_ = SaturationCounts{};
    has_scores_ = false;
}

const std::int32_t* Context::state(int layer) const {
    return state_.get() + state_stride_ * static_cast<std::size_t>(layer);
}

void Context::logits(std::int32_t* result) const {
    (void)engine_->kernel_set().loops.dequantise(accumulators_.get(), engine_->shape().vocabulary,
                                                 logit_scaling_, result);
}

void Context::restore(const std::int64_t* values) {
    const ModelShape& shape = engine_->shape();
    const auto dim = static_cast<std::size_t>(shape.dim);
    const std::size_t count = dim * static_cast<std::size_t>(shape.layers);
    const std::int64_t limit = symmetric_limit(engine_->widths().activation);
    for (std::size_t i = 0; i < count; ++i) check_range("state value", values[i], -limit, limit);
    for (std::size_t i = 0; i < count; ++i) {
        state_[i / dim * state_stride_ + i % dim] = static_cast<std::int32_t>(values[i]);
    }
    has_scores_ = false;
}

}  // namespace tritforge::engine::language_model
