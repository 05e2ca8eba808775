// SPDX-License-Identifier: Apache-2.0
#include "tritforge/executor.hpp"

#include <algorithm>
#include <chrono>

#include "tritforge/checked_fields.hpp"
#include "tritforge/fixed_point.hpp"

namespace tritforge {
namespace {

int checked_threads(int threads) {
    check_range("threads", threads, 1, kMaximumThreads);
    return threads;
}

constexpr int kLogitsAtOnce = 1024;

std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

}  // namespace

Executor::Executor(std::shared_ptr<const Engine> engine, int threads)
    : engine_(std::move(engine)), pool_(checked_threads(threads)) {
    workers_.resize(index_of(threads));
    const ModelShape& shape = engine_->shape();
    for (Worker& worker : workers_) {
        worker.codes =
            AlignedBuffer<std::int8_t>(padded_rows(std::max(shape.dim, shape.glu_width)));
    }
    make_room(1);
}

void Executor::make_room(int lanes) {
    using Vector = AlignedBuffer<std::int32_t>;
    const ModelShape& shape = engine_->shape();
    const int longest = std::max(shape.dim, shape.glu_width);
    const std::size_t dim = padded_rows(shape.dim), wide = padded_rows(longest);
    while (vectors_.size() < index_of(lanes)) {
        LaneVectors vectors;
        vectors.embedding = AlignedBuffer<std::uint8_t>(engine_->embedding_row_bytes());
        vectors.residual = Vector(dim);
        vectors.operand = Vector(wide);
        // MIX has three matrices of dim rows, GLU two of glu_width rows.
        vectors.accumulators[0] = Vector(wide);
        vectors.accumulators[1] = Vector(wide);
        vectors.accumulators[2] = Vector(dim);
        vectors.preactivations[0] = Vector(wide);
        vectors.preactivations[1] = Vector(dim);
        for (QuantiserInput& input : vectors.inputs) {
            input.values[0] = Vector(wide);
            for (int output = 1; output < kMaximumOutputs; ++output) {
                input.values[output] = Vector(dim);
            }
            input.partials.resize(index_of(threads()));
        }
        vectors_.push_back(std::move(vectors));
        for (Worker& worker : workers_) {
            worker.kernel_scratch = AlignedBuffer<std::uint8_t>(
                engine_->backend().kernel.scratch_bytes(longest, lanes));
        }
    }
}

void Executor::run(const Lane* lanes, int count) {
    make_room(count);
    for (int lane = 0; lane < count; ++lane) {
        LaneVectors& vectors = vectors_[index_of(lane)];
        vectors.embedding_row = engine_->embedding_row(lanes[lane].token, vectors.embedding.get());
    }
    lanes_ = lanes;
    lane_count_ = count;
    has_head_ = false;
    for (int lane = 0; lane < count; ++lane) has_head_ = has_head_ || lanes[lane].with_head;
    pool_.run(
        [](void* self, int thread) noexcept { static_cast<Executor*>(self)->run_pass(thread); },
        this);
    for (int lane = 0; lane < count; ++lane) {
        Context& context = *lanes[lane].context;
        context.has_scores_ = lanes[lane].with_head;
        for (Worker& worker : workers_) {
            context.saturations_.add(worker.saturations[lane]);
            worker.saturations[lane] = SaturationCounts{};
        }
    }
}

double Executor::time_products(int lanes) {
    make_room(lanes);
    lane_count_ = lanes;
    if (discarded_.get() == nullptr) {
        discarded_ = AlignedBuffer<std::int32_t>(padded_rows(engine_->shape().vocabulary));
    }
    const auto start = std::chrono::steady_clock::now();
    pool_.run(
        [](void* self, int thread) noexcept { static_cast<Executor*>(self)->multiply_all(thread); },
        this);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Executor::multiply_all(int thread) noexcept {
    std::int32_t* results[kMaximumLanes];
    Worker& worker = workers_[index_of(thread)];
    for (std::size_t index = 1; index < engine_->program().size(); ++index) {
        const Operation& item = engine_->program()[index];
        const Slice blocks = blocks_of(item.rows, thread);
        for (int matrix = 0; matrix < item.matrices; ++matrix) {
            for (int lane = 0; lane < lane_count_; ++lane) {
                results[lane] = item.kind == OperationKind::kHead
                                    ? discarded_.get()
                                    : vectors_[index_of(lane)].accumulators[matrix].get();
            }
            engine_->backend().kernel.dot(engine_->layout(index), engine_->weights(index), matrix,
                                          blocks.first, blocks.last, worker.kernel_scratch.get(),
                                          lane_count_, results);
        }
    }
}

Executor::Slice Executor::blocks_of(int count, int thread) const {
    const int blocks = divide_up(count, kRowBlock), threads = pool_.size();
    return {blocks * thread / threads, blocks * (thread + 1) / threads};
}

Executor::Slice Executor::slice_of(int count, int thread) const {
    const Slice blocks = blocks_of(count, thread);
    return {std::min(count, blocks.first * kRowBlock), std::min(count, blocks.last * kRowBlock)};
}

void Executor::add_saturations(Signal signal, int lane, int thread, std::int64_t clamped) {
    workers_[index_of(thread)].saturations[lane].add(signal, clamped);
}

void Executor::run_pass(int thread) noexcept {
    const std::vector<Operation>& program = engine_->program();
    for (int lane = 0; lane < lane_count_; ++lane) embed(lane, thread);
    for (std::size_t index = 1; index < program.size(); ++index) {
        const OperationKind kind = program[index].kind;
        if (kind == OperationKind::kHead && !has_head_) return;
        for (int lane = 0; lane < lane_count_; ++lane) {
            if (!takes_part(index, lane)) continue;
            // MIX, GLU and HEAD read the residual; the operand of PROJECT was left by the one
            // before.
            if (kind != OperationKind::kProject) take_operand(index, lane, thread);
            measure_operand(index, lane, thread);
        }
        pool_.meet();
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

void Executor::embed(int lane, int thread) {
    const Slice slice = slice_of(engine_->shape().dim, thread);
    const int shift = engine_->program().front().input_shift;
    const std::int64_t limit = symmetric_limit(engine_->widths().residual);
    std::int32_t* residual = vectors_[index_of(lane)].residual.get();
    engine_->embedding_values(vectors_[index_of(lane)].embedding_row, slice.first, slice.last,
                              residual);
    std::int64_t clamped = 0;
    for (int i = slice.first; i < slice.last; ++i) {
        const std::int64_t rounded = shift >= 0
                                         ? round_half_up(residual[i], shift)
                                         : std::int64_t{residual[i]} * (std::int64_t{1} << -shift);
        residual[i] = static_cast<std::int32_t>(clamp_symmetric(rounded, limit));
        clamped += residual[i] != rounded;
    }
    add_saturations(Signal::kResidual, lane, thread, clamped);
}

void Executor::take_operand(std::size_t operation, int lane, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice slice = slice_of(item.inputs, thread);
    LaneVectors& vectors = vectors_[index_of(lane)];
    add_saturations(Signal::kOperand, lane, thread,
                    engine_->backend().loops.operand(vectors.residual.get() + slice.first,
                                                     slice.count(), item.input_shift,
                                                     symmetric_limit(engine_->widths().operand),
                                                     vectors.operand.get() + slice.first));
}

void Executor::measure_operand(std::size_t operation, int lane, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->backend().loops;
    const Slice slice = slice_of(item.inputs, thread);
    const std::int32_t* operand = vectors_[index_of(lane)].operand.get() + slice.first;
    QuantiserInput& input = input_of(operation, lane);
    Partial& partial = input.partials[index_of(thread)];
    const std::int16_t* norm_gain =
        item.norm_gain == nullptr ? nullptr : item.norm_gain + slice.first;
    const SquareSum squares = loops.square_sum(operand, norm_gain, slice.count(), item.square_shift,
                                               symmetric_limit(widths.square_operand));
    partial.square_sum = squares.sum;
    add_saturations(Signal::kSquareOperand, lane, thread, squares.clamped);
    for (std::size_t index = 0; index < item.outputs.size(); ++index) {
        const ScaledOutput& output = item.outputs[index];
        const AbsoluteMaximum found = loops.scale_values(
            operand, output.gain + slice.first, slice.count(), output.value_shift,
            symmetric_limit(widths.value), input.values[index].get() + slice.first);
        partial.absmax[index] = found.maximum;
        add_saturations(Signal::kValue, lane, thread, found.clamped);
    }
}

bool Executor::takes_part(std::size_t operation, int lane) const {
    return engine_->program()[operation].kind != OperationKind::kHead || lanes_[lane].with_head;
}

Executor::Scalings Executor::encode_output(std::size_t operation, int output, int width,
                                           int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const Backend& backend = engine_->backend();
    Worker& worker = workers_[index_of(thread)];
    int lanes = 0, slot = 0;
    for (int lane = 0; lane < lane_count_; ++lane) lanes += takes_part(operation, lane);
    Scalings result{};
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!takes_part(operation, lane)) continue;
        QuantiserInput& input = input_of(operation, lane);
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
        backend.kernel.load_codes(worker.codes.get(), item.inputs, slot++, lanes,
                                  worker.kernel_scratch.get());
        const ScaledMantissa multiplier =
            dequantisation_multiplier(absmax, static_cast<std::int64_t>(square_sum),
                                      item.outputs[index_of(output)].scale, widths);
        result.at[lane] = {multiplier.mantissa, multiplier.exponent, symmetric_limit(width)};
    }
    return result;
}

void Executor::multiply(std::size_t operation, int matrix, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice blocks = blocks_of(item.rows, thread);
    std::int32_t* results[kMaximumLanes];
    int lanes = 0;
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!takes_part(operation, lane)) continue;
        results[lanes++] = item.kind == OperationKind::kHead
                               ? lanes_[lane].context->accumulators_.get()
                               : vectors_[index_of(lane)].accumulators[matrix].get();
    }
    engine_->backend().kernel.dot(engine_->layout(operation), engine_->weights(operation), matrix,
                                  blocks.first, blocks.last,
                                  workers_[index_of(thread)].kernel_scratch.get(), lanes, results);
}

void Executor::mix(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->backend().loops;
    const Slice rows = slice_of(item.rows, thread);
    constexpr Signal kSignal[2] = {Signal::kPreactivationForget, Signal::kPreactivationCandidate};
    for (int matrix = 0; matrix < item.matrices; ++matrix) {
        const Scalings scaling = encode_output(operation, matrix, widths.preactivation, thread);
        multiply(operation, matrix, thread);
        if (matrix == 2) break;  // g stays a raw accumulator: its scale cancels later
        for (int lane = 0; lane < lane_count_; ++lane) {
            LaneVectors& vectors = vectors_[index_of(lane)];
            add_saturations(kSignal[matrix], lane, thread,
                            loops.dequantise(vectors.accumulators[matrix].get() + rows.first,
                                             rows.count(), scaling.at[lane],
                                             vectors.preactivations[matrix].get() + rows.first));
        }
    }
    const Recurrence constants = {
        widths.preactivation_fraction - widths.sigmoid_argument_fraction,
        widths.preactivation_fraction + widths.sigmoid_fraction - widths.activation_fraction,
        symmetric_limit(widths.activation), widths.lower_bound};
    for (int lane = 0; lane < lane_count_; ++lane) {
        LaneVectors& vectors = vectors_[index_of(lane)];
        Context& context = *lanes_[lane].context;
        std::int32_t* state = context.state_.get() + context.state_stride_ * index_of(item.layer);
        const RecurrenceClamped clamped = loops.update_state(
            state + rows.first, vectors.preactivations[0].get() + rows.first,
            vectors.preactivations[1].get() + rows.first, item.lower_bound + rows.first,
            rows.count(), constants, engine_->sigmoid_unit());
        add_saturations(Signal::kSiluCandidate, lane, thread, clamped.silu);
        add_saturations(Signal::kState, lane, thread, clamped.state);
        gate(operation, lane, thread, vectors.accumulators[2].get(), state,
             widths.activation_fraction, Signal::kSiluState, Signal::kGateOperand);
    }
}

void Executor::gated_linear_unit(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const Slice rows = slice_of(item.rows, thread);
    const Scalings scaling = encode_output(operation, 0, widths.preactivation, thread);
    for (int matrix = 0; matrix < item.matrices; ++matrix) multiply(operation, matrix, thread);
    for (int lane = 0; lane < lane_count_; ++lane) {
        LaneVectors& vectors = vectors_[index_of(lane)];
        std::int32_t* preactivations = vectors.preactivations[0].get();
        add_saturations(Signal::kPreactivationGate, lane, thread,
                        engine_->backend().loops.dequantise(
                            vectors.accumulators[0].get() + rows.first, rows.count(),
                            scaling.at[lane], preactivations + rows.first));
        gate(operation, lane, thread, vectors.accumulators[1].get(), preactivations,
             widths.preactivation_fraction, Signal::kSiluGate, Signal::kUpOperand);
    }
}

void Executor::gate(std::size_t operation, int lane, int thread, const std::int32_t* multiplicand,
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
        engine_->sigmoid_unit(), vectors_[index_of(lane)].operand.get() + rows.first);
    add_saturations(silu, lane, thread, clamped.silu);
    add_saturations(multiplicand_signal, lane, thread, clamped.multiplicand);
    add_saturations(Signal::kOperand, lane, thread, clamped.product);
}

void Executor::project(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice rows = slice_of(item.rows, thread);
    const Scalings scaling = encode_output(operation, 0, engine_->widths().residual, thread);
    multiply(operation, 0, thread);
    for (int lane = 0; lane < lane_count_; ++lane) {
        LaneVectors& vectors = vectors_[index_of(lane)];
        add_saturations(Signal::kResidual, lane, thread,
                        engine_->backend().loops.add_scaled(
                            vectors.accumulators[0].get() + rows.first, rows.count(),
                            scaling.at[lane], vectors.residual.get() + rows.first));
    }
}

void Executor::head(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Slice rows = slice_of(item.rows, thread);
    const Scalings scaling = encode_output(operation, 0, engine_->widths().logit, thread);
    multiply(operation, 0, thread);
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!lanes_[lane].with_head) continue;
        Context& context = *lanes_[lane].context;
        // The context keeps accumulators alone; here the logits only count their saturations.
        std::int32_t logits[kLogitsAtOnce];
        for (int first = rows.first; first < rows.last; first += kLogitsAtOnce) {
            const int count = std::min(kLogitsAtOnce, rows.last - first);
            add_saturations(Signal::kLogit, lane, thread,
                            engine_->backend().loops.dequantise(context.accumulators_.get() + first,
                                                                count, scaling.at[lane], logits));
        }
        if (thread == 0) context.logit_scaling_ = scaling.at[lane];
    }
}

}  // namespace tritforge
