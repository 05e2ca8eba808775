// SPDX-License-Identifier: Apache-2.0
#include "tritforge/context.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tritforge/checked_fields.hpp"
#include "tritforge/fixed_point.hpp"

namespace tritforge {
namespace {

/// Vectors end at a whole row block, because kernels write whole blocks.
std::size_t padded(int count) {
    return static_cast<std::size_t>(divide_up(count, kRowBlock)) * kRowBlock;
}

int checked_threads(int threads) {
    check_range("threads", threads, 1, kMaximumThreads);
    return threads;
}

}  // namespace

Context::Context(std::shared_ptr<const Engine> engine, int threads)
    : engine_(std::move(engine)),
      pool_(std::make_unique<ThreadPool>(checked_threads(threads))),
      process_(getpid()),
      state_stride_(padded(engine_->shape().dim)) {
    using Vector = AlignedBuffer<std::int32_t>;
    const ModelShape& shape = engine_->shape();
    const int longest = std::max(shape.dim, shape.glu_width);
    const std::size_t dim = padded(shape.dim), wide = padded(longest);
    const std::size_t vocabulary = padded(shape.vocabulary);
    state_ = Vector(state_stride_ * static_cast<std::size_t>(shape.layers));
    residual_ = Vector(dim);
    operand_ = Vector(wide);
    logits_ = Vector(vocabulary);
    // MIX has three matrices of dim rows, GLU two of glu_width rows, HEAD one of the vocabulary.
    accumulators_[0] = Vector(std::max(wide, vocabulary));
    accumulators_[1] = Vector(wide);
    accumulators_[2] = Vector(dim);
    preactivations_[0] = Vector(wide);
    preactivations_[1] = Vector(dim);
    for (QuantiserInput& input : inputs_) {
        input.values[0] = Vector(wide);
        for (int output = 1; output < kMaximumOutputs; ++output) input.values[output] = Vector(dim);
        input.partials.resize(static_cast<std::size_t>(threads));
    }
    workers_.resize(static_cast<std::size_t>(threads));
    for (Worker& worker : workers_) {
        worker.codes = AlignedBuffer<std::int8_t>(wide);
        worker.kernel_scratch =
            AlignedBuffer<std::uint8_t>(engine_->backend().kernel.scratch_bytes(longest));
    }
}

Context::~Context() {
    // A forked child has none of the pool's threads: nothing to stop, and waiting would never end.
    if (getpid() != process_) (void)pool_.release();
}

void Context::check_token(std::int64_t token) const {
    check_range("token", token, 0, engine_->shape().vocabulary - 1);
}

void Context::advance(std::int64_t token, bool with_head) {
    check_token(token);
    if (getpid() != process_) {
        throw std::runtime_error(
            "this context was made before the process forked: make a new one in the child");
    }
    token_ = token;
    with_head_ = with_head;
    pool_->run(
        [](void* self, int thread) noexcept { static_cast<Context*>(self)->run_token(thread); },
        this);
    has_logits_ = with_head;
}

void Context::reset() {
    const std::size_t count = state_stride_ * static_cast<std::size_t>(engine_->shape().layers);
    std::fill_n(state_.get(), count, 0);
    for (Worker& worker : workers_) worker.saturations = SaturationCounts{};
    has_logits_ = false;
}

const std::int32_t* Context::state(int layer) const {
    return state_.get() + state_stride_ * static_cast<std::size_t>(layer);
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
    has_logits_ = false;
}

SaturationCounts Context::saturations() const {
    SaturationCounts total;
    for (const Worker& worker : workers_) {
        for (std::size_t i = 0; i < kSignals; ++i) {
            total.counts[i] += worker.saturations.counts[i];
        }
    }
    return total;
}

Context::Slice Context::blocks_of(int count, int thread) const {
    const int blocks = divide_up(count, kRowBlock), threads = pool_->size();
    return {blocks * thread / threads, blocks * (thread + 1) / threads};
}

Context::Slice Context::slice_of(int count, int thread) const {
    const Slice blocks = blocks_of(count, thread);
    return {std::min(count, blocks.first * kRowBlock), std::min(count, blocks.last * kRowBlock)};
}

void Context::run_token(int thread) noexcept {
    const std::vector<Operation>& program = engine_->program();
    embed(thread);
    for (std::size_t index = 1; index < program.size(); ++index) {
        const OperationKind kind = program[index].kind;
        if (kind == OperationKind::kHead && !with_head_) return;
        // MIX, GLU and HEAD read the residual; the operand of PROJECT was left by the one before.
        if (kind != OperationKind::kProject) take_operand(index, thread);
        measure_operand(index, thread);
        pool_->meet();
        switch (kind) {
            case OperationKind::kMix:
                mix(index, thread);
                break;
            case OperationKind::kProject:
                project(index, thread);
                break;
            case OperationKind::kGlu:
                gated_linear_unit(index, thread);
                break;
            case OperationKind::kHead:
                head(index, thread);
                break;
            case OperationKind::kEmbed:
                break;
        }
    }
}

void Context::embed(int thread) {
    const Slice slice = slice_of(engine_->shape().dim, thread);
    const int shift = engine_->program().front().input_shift;
    const std::int64_t limit = symmetric_limit(engine_->widths().residual);
    engine_->embedding(token_, slice.first, slice.last, residual_.get());
    std::int64_t clamped = 0;
    for (int i = slice.first; i < slice.last; ++i) {
        std::int32_t& value = residual_[static_cast<std::size_t>(i)];
        const std::int64_t rounded = shift >= 0 ? round_half_up(value, shift)
                                                : std::int64_t{value} * (std::int64_t{1} << -shift);
        value = static_cast<std::int32_t>(clamp_symmetric(rounded, limit));
        clamped += value != rounded;
    }
    workers_[static_cast<std::size_t>(thread)].saturations.add(Signal::kResidual, clamped);
}

void Context::take_operand(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice slice = slice_of(item.inputs, thread);
    const std::int64_t clamped = engine_->backend().loops.operand(
        residual_.get() + slice.first, slice.count(), item.input_shift,
        symmetric_limit(engine_->widths().operand), operand_.get() + slice.first);
    workers_[static_cast<std::size_t>(thread)].saturations.add(Signal::kOperand, clamped);
}

void Context::measure_operand(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->backend().loops;
    const Slice slice = slice_of(item.inputs, thread);
    const std::int32_t* operand = operand_.get() + slice.first;
    SaturationCounts& saturations = workers_[static_cast<std::size_t>(thread)].saturations;
    QuantiserInput& input = input_of(operation);
    Partial& partial = input.partials[static_cast<std::size_t>(thread)];
    const std::int16_t* norm_gain =
        item.norm_gain.empty() ? nullptr : item.norm_gain.data() + slice.first;
    const SquareSum squares = loops.square_sum(operand, norm_gain, slice.count(), item.square_shift,
                                               symmetric_limit(widths.square_operand));
    partial.square_sum = squares.sum;
    saturations.add(Signal::kSquareOperand, squares.clamped);
    for (std::size_t index = 0; index < item.outputs.size(); ++index) {
        const ScaledOutput& output = item.outputs[index];
        const AbsoluteMaximum found = loops.scale_values(
            operand, output.gain.data() + slice.first, slice.count(), output.value_shift,
            symmetric_limit(widths.value), input.values[index].get() + slice.first);
        partial.absmax[index] = found.maximum;
        saturations.add(Signal::kValue, found.clamped);
    }
}

Scaling Context::encode_output(std::size_t operation, int output, int width, Worker& worker) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const Backend& backend = engine_->backend();
    QuantiserInput& input = input_of(operation);
    std::uint64_t square_sum = 0;
    std::int32_t absmax = 0;
    for (const Partial& partial : input.partials) {
        square_sum += partial.square_sum;
        absmax = std::max(absmax, partial.absmax[output]);
    }
    square_sum = std::min(square_sum, (std::uint64_t{1} << widths.square_sum) - 1);
    const ScaledMantissa reciprocal = reciprocal_of_absmax(absmax, widths.reciprocal);
    backend.loops.encode(input.values[output].get(), item.inputs, reciprocal.mantissa,
                         reciprocal.exponent, worker.codes.get());
    backend.kernel.load_codes(worker.codes.get(), item.inputs, worker.kernel_scratch.get());
    const ScaledMantissa multiplier =
        dequantisation_multiplier(absmax, static_cast<std::int64_t>(square_sum),
                                  item.outputs[static_cast<std::size_t>(output)].scale, widths);
    return {multiplier.mantissa, multiplier.exponent, symmetric_limit(width)};
}

void Context::multiply(std::size_t operation, int matrix, int thread) {
    const Operation& item = engine_->program()[operation];
    const Backend& backend = engine_->backend();
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    const Slice blocks = blocks_of(item.rows, thread);
    backend.kernel.dot(engine_->layout(operation), engine_->weights(operation), matrix,
                       blocks.first, blocks.last, worker.kernel_scratch.get(),
                       accumulators_[matrix].get());
}

void Context::mix(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->backend().loops;
    const Slice rows = slice_of(item.rows, thread);
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    constexpr Signal kSignal[2] = {Signal::kPreactivationForget, Signal::kPreactivationCandidate};
    for (int matrix = 0; matrix < item.matrices; ++matrix) {
        const Scaling scaling = encode_output(operation, matrix, widths.preactivation, worker);
        multiply(operation, matrix, thread);
        if (matrix == 2) break;  // g stays a raw accumulator: its scale cancels later
        worker.saturations.add(
            kSignal[matrix],
            loops.dequantise(accumulators_[matrix].get() + rows.first, rows.count(), scaling,
                             preactivations_[matrix].get() + rows.first));
    }
    const Recurrence constants = {
        widths.preactivation_fraction - widths.sigmoid_argument_fraction,
        widths.preactivation_fraction + widths.sigmoid_fraction - widths.activation_fraction,
        symmetric_limit(widths.activation), widths.lower_bound};
    std::int32_t* state = state_.get() + state_stride_ * static_cast<std::size_t>(item.layer);
    const RecurrenceClamped clamped = loops.update_state(
        state + rows.first, preactivations_[0].get() + rows.first,
        preactivations_[1].get() + rows.first, item.lower_bound.data() + rows.first, rows.count(),
        constants, engine_->sigmoid_unit());
    worker.saturations.add(Signal::kSiluCandidate, clamped.silu);
    worker.saturations.add(Signal::kState, clamped.state);
    gate(operation, thread, accumulators_[2].get(), state, widths.activation_fraction,
         Signal::kSiluState, Signal::kGateOperand);
}

void Context::gated_linear_unit(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const Slice rows = slice_of(item.rows, thread);
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    const Scaling scaling = encode_output(operation, 0, widths.preactivation, worker);
    for (int matrix = 0; matrix < item.matrices; ++matrix) multiply(operation, matrix, thread);
    worker.saturations.add(
        Signal::kPreactivationGate,
        engine_->backend().loops.dequantise(accumulators_[0].get() + rows.first, rows.count(),
                                            scaling, preactivations_[0].get() + rows.first));
    gate(operation, thread, accumulators_[1].get(), preactivations_[0].get(),
         widths.preactivation_fraction, Signal::kSiluGate, Signal::kUpOperand);
}

void Context::gate(std::size_t operation, int thread, const std::int32_t* multiplicand,
                   const std::int32_t* gate, int gate_fraction, Signal silu,
                   Signal multiplicand_signal) {
    const Widths& widths = engine_->widths();
    const Slice rows = slice_of(engine_->program()[operation].rows, thread);
    const GatedProduct constants = {
        gate_fraction - widths.sigmoid_argument_fraction,
        gate_fraction + widths.sigmoid_fraction - widths.activation_fraction,
        symmetric_limit(widths.activation),
        symmetric_limit(widths.gate_operand),
        engine_->program()[operation + 1].input_shift,
        symmetric_limit(widths.operand)};
    const GatedProductClamped clamped = engine_->backend().loops.gated_product(
        multiplicand + rows.first, gate + rows.first, rows.count(), constants,
        engine_->sigmoid_unit(), operand_.get() + rows.first);
    SaturationCounts& saturations = workers_[static_cast<std::size_t>(thread)].saturations;
    saturations.add(silu, clamped.silu);
    saturations.add(multiplicand_signal, clamped.multiplicand);
    saturations.add(Signal::kOperand, clamped.product);
}

void Context::project(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice rows = slice_of(item.rows, thread);
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    const Scaling scaling = encode_output(operation, 0, engine_->widths().residual, worker);
    multiply(operation, 0, thread);
    worker.saturations.add(Signal::kResidual, engine_->backend().loops.add_scaled(
                                                  accumulators_[0].get() + rows.first, rows.count(),
                                                  scaling, residual_.get() + rows.first));
}

void Context::head(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice rows = slice_of(item.rows, thread);
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    const Scaling scaling = encode_output(operation, 0, engine_->widths().logit, worker);
    multiply(operation, 0, thread);
    worker.saturations.add(Signal::kLogit, engine_->backend().loops.dequantise(
                                               accumulators_[0].get() + rows.first, rows.count(),
                                               scaling, logits_.get() + rows.first));
}

}  // namespace tritforge
