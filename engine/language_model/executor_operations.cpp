// SPDX-License-Identifier: Apache-2.0
// What a thread does for an operation: quantise the input, multiply rows, and finish rows with the
// element-wise part.
#include <algorithm>

#include "common/fixed_point.hpp"
#include "language_model/executor.hpp"

namespace tritforge::engine::language_model {
namespace {

constexpr int kLogitsAtOnce = 1024;

}  // namespace

bool Executor::takes_part(std::size_t operation, int lane) const {
    return engine_->program()[operation].kind != OperationKind::kHead || lanes_[lane].with_head;
}

int Executor::rows_of(std::size_t operation) const {
    const Operation& item = engine_->program()[operation];
    return item.kind == OperationKind::kEmbed ? item.inputs : item.rows;
}

bool Executor::is_private(std::size_t operation) const {
    const OperationKind kind = engine_->program()[operation].kind;
    return kind != OperationKind::kEmbed && kind != OperationKind::kHead;
}

void Executor::add_saturations(Signal signal, int lane, int thread, std::int64_t clamped) {
    worker(thread).saturations[lane].add(signal, clamped);
}

void Executor::quantise(std::size_t operation, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const int width = item.kind == OperationKind::kProject ? widths.residual
                      : item.kind == OperationKind::kHead  ? widths.logit
                                                           : widths.preactivation;
    int& lanes = worker(thread).lanes;
    lanes = 0;
    for (int lane = 0; lane < lane_count_; ++lane) lanes += takes_part(operation, lane);
    for (std::size_t consumer = 0; consumer < item.outputs.size(); ++consumer) {
        encode(operation, static_cast<int>(consumer), width, thread);
    }
}

void Executor::encode(std::size_t operation, int consumer, int width, int thread) {
    const Operation& item = engine_->program()[operation];
    const Widths& widths = engine_->widths();
    const KernelSet& kernel_set = engine_->kernel_set();
    Worker& own = worker(thread);
    int slot = 0;
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!takes_part(operation, lane)) continue;
        QuantiserInput& input = input_of(operation, lane);
        std::uint64_t square_sum = 0;
        std::int32_t absmax = 0;
        for (const Partial& partial : input.partials) {
            square_sum += partial.square_sum;
            absmax = std::max(absmax, partial.absmax[consumer]);
        }
        square_sum += item.square_offset;
        const std::uint64_t largest = (std::uint64_t{1} << widths.square_sum) - 1;
        own.scalings[consumer].square_sum_saturated[lane] = square_sum > largest;
        square_sum = std::min(square_sum, largest);
        const ScaledMantissa reciprocal = reciprocal_of_absmax(absmax, widths.reciprocal);
        kernel_set.loops.encode(input.values[consumer].get(), item.inputs, reciprocal.mantissa,
                                reciprocal.exponent, own.codes.get());
        kernel_set.kernel.load_codes(own.codes.get(), item.inputs, slot++, own.lanes,
                                     own.kernel_scratch[consumer].get());
        const DequantisationMultiplier multiplier = dequantisation_multiplier(
            absmax, static_cast<std::int64_t>(square_sum),
            item.outputs[static_cast<std::size_t>(consumer)].scale, widths);
        own.scalings[consumer].at[lane] = {multiplier.mantissa, multiplier.shift,
                                           symmetric_limit(width)};
        own.scalings[consumer].multiplier_saturated[lane] = multiplier.saturated;
    }
}

void Executor::multiply(std::size_t operation, int matrix, RowShares::Blocks blocks, int thread) {
    const Operation& item = engine_->program()[operation];
    Worker& own = worker(thread);
    std::int32_t* results[kMaximumLanes];
    if (item.kind == OperationKind::kHead) {
        int slot = 0;
        for (int lane = 0; lane < lane_count_; ++lane) {
            if (takes_part(operation, lane)) {
                results[slot++] = lanes_[lane].context->accumulators_.get();
            }
        }
    } else {
        for (int lane = 0; lane < own.lanes; ++lane) {
            results[lane] = accumulators(thread, lane, matrix);
        }
    }
    const int consumer = item.outputs.size() > 1 ? matrix : 0;  // GLU: both matrices read one input
    engine_->kernel_set().kernel.dot(engine_->layout(operation), engine_->weights(operation),
                                     matrix, blocks.first, blocks.last,
                                     own.kernel_scratch[consumer].get(), own.lanes, results);
}

/// Every thread quantises the whole input, so one share counts for all.
void Executor::count_scalings(const Rows& rows) {
    const std::size_t consumers = engine_->program()[rows.operation].outputs.size();
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!takes_part(rows.operation, lane)) continue;
        for (std::size_t consumer = 0; consumer < consumers; ++consumer) {
            const Scalings& scalings = worker(rows.thread).scalings[consumer];
            add_saturations(Signal::kMultiplier, lane, rows.thread,
                            scalings.multiplier_saturated[lane]);
            if (consumer == 0) {
                add_saturations(Signal::kSquareSum, lane, rows.thread,
                                scalings.square_sum_saturated[lane]);
            }
        }
    }
}

void Executor::finish_rows(const Rows& rows) {
    if (rows.share == 0) count_scalings(rows);
    switch (engine_->program()[rows.operation].kind) {
        case OperationKind::kEmbed:
            embed(rows);
            break;
        case OperationKind::kMix:
            mix(rows);
            break;
        case OperationKind::kProject:
            project(rows);
            break;
        case OperationKind::kGlu:
            gated_linear_unit(rows);
            break;
        case OperationKind::kHead:
            head(rows);
            return;
    }
    // The first quantiser pass of the next operation.
    const std::size_t next = rows.operation + 1;
    if (next == engine_->program().size()) return;  // a part without head
    const OperationKind kind = engine_->program()[next].kind;
    if (kind == OperationKind::kHead && !has_head()) return;
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!takes_part(next, lane)) continue;
        // MIX, GLU and HEAD read the residual; the operand of PROJECT is the result of this one.
        if (kind != OperationKind::kProject) take_operand(rows, lane);
        measure_operand(rows, lane);
    }
}

void Executor::embed(const Rows& rows) {
    const std::int64_t limit = symmetric_limit(engine_->widths().residual);
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (lanes_[lane].input != nullptr) {
            std::copy_n(lanes_[lane].input + rows.slice.first, rows.slice.count(),
                        vectors(lane).residual.get() + rows.slice.first);
            continue;
        }
        engine_->embedding().residuals(lanes_[lane].token, vectors(lane).embedding_row,
                                       rows.slice.first, rows.slice.last, limit,
                                       vectors(lane).residual.get());
    }
}

void Executor::take_operand(const Rows& rows, int lane) {
    LaneVectors& own = vectors(lane);
    add_saturations(
        Signal::kOperand, lane, rows.thread,
        engine_->kernel_set().loops.operand(
            own.residual.get() + rows.slice.first, rows.slice.count(),
            engine_->program()[rows.operation + 1].input_shift,
            symmetric_limit(engine_->widths().operand), own.operand.get() + rows.slice.first));
}

void Executor::measure_operand(const Rows& rows, int lane) {
    const Operation& item = engine_->program()[rows.operation + 1];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->kernel_set().loops;
    const Slice slice = rows.slice;
    const std::int32_t* operand = vectors(lane).operand.get() + slice.first;
    QuantiserInput& input = input_of(rows.operation + 1, lane);
    Partial& partial = input.partials[static_cast<std::size_t>(rows.share)];
    const std::int16_t* norm_gain =
        item.norm_gain == nullptr ? nullptr : item.norm_gain + slice.first;
    const SquareSum squares = loops.square_sum(operand, norm_gain, slice.count(), item.square_shift,
                                               symmetric_limit(widths.square_operand));
    partial.square_sum = squares.sum;
    add_saturations(Signal::kSquareOperand, lane, rows.thread, squares.clamped);
    for (std::size_t index = 0; index < item.outputs.size(); ++index) {
        const ScaledOutput& output = item.outputs[index];
        const AbsoluteMaximum found = loops.scale_values(
            operand, output.gain + slice.first, slice.count(), output.value_shift,
            symmetric_limit(widths.value), input.values[index].get() + slice.first);
        partial.absmax[index] = found.maximum;
        add_saturations(Signal::kValue, lane, rows.thread, found.clamped);
    }
}

void Executor::mix(const Rows& rows) {
    const Operation& item = engine_->program()[rows.operation];
    const Widths& widths = engine_->widths();
    const ElementwiseLoops& loops = engine_->kernel_set().loops;
    const Slice slice = rows.slice;
    const Recurrence constants = {item.forget_shift, item.argument_shift,
                                  widths.sigmoid_fraction + widths.narrowing(),
                                  symmetric_limit(widths.activation)};
    for (int lane = 0; lane < lane_count_; ++lane) {
        LaneVectors& own = vectors(lane);
        std::int64_t clamped_of[2];
        for (int matrix = 0; matrix < 2; ++matrix) {
            clamped_of[matrix] =
                loops.dequantise(accumulators(rows.thread, lane, matrix) + slice.first,
                                 slice.count(), worker(rows.thread).scalings[matrix].at[lane],
                                 own.preactivations[matrix].get() + slice.first);
        }
        // A clamped forget gate changes nothing: the sigmoid is constant there.
        add_saturations(Signal::kPreactivationCandidate, lane, rows.thread, clamped_of[1]);
        Context& context = *lanes_[lane].context;
        std::int32_t* state =
            context.state_.get() + context.state_stride_ * static_cast<std::size_t>(item.layer);
        const RecurrenceClamped clamped = loops.update_state(
            state + slice.first, own.preactivations[0].get() + slice.first,
            own.preactivations[1].get() + slice.first, item.lower_bound + slice.first,
            slice.count(), constants, engine_->sigmoid_unit());
        add_saturations(Signal::kSiluCandidate, lane, rows.thread, clamped.silu);
        add_saturations(Signal::kState, lane, rows.thread, clamped.state);
        // g stays a raw accumulator: its scale cancels later.
        gate(rows, lane, accumulators(rows.thread, lane, 2), state,
             item.argument_shift - widths.narrowing(), 0, Signal::kSiluState, Signal::kGateOperand);
    }
}

void Executor::gated_linear_unit(const Rows& rows) {
    const Operation& item = engine_->program()[rows.operation];
    const Slice slice = rows.slice;
    for (int lane = 0; lane < lane_count_; ++lane) {
        std::int32_t* preactivations = vectors(lane).preactivations[0].get();
        add_saturations(
            Signal::kPreactivationGate, lane, rows.thread,
            engine_->kernel_set().loops.dequantise(
                accumulators(rows.thread, lane, 0) + slice.first, slice.count(),
                worker(rows.thread).scalings[0].at[lane], preactivations + slice.first));
        gate(rows, lane, accumulators(rows.thread, lane, 1), preactivations, item.argument_shift,
             engine_->widths().narrowing(), Signal::kSiluGate, Signal::kUpOperand);
    }
}

void Executor::gate(const Rows& rows, int lane, const std::int32_t* multiplicand,
                    const std::int32_t* gate, int argument_shift, int narrowing, Signal silu,
                    Signal multiplicand_signal) {
    const Widths& widths = engine_->widths();
    const Slice slice = rows.slice;
    const GatedProduct constants = {argument_shift,
                                    widths.sigmoid_fraction + narrowing,
                                    symmetric_limit(widths.activation),
                                    symmetric_limit(widths.gate_operand),
                                    engine_->program()[rows.operation + 1].input_shift,
                                    symmetric_limit(widths.operand)};
    const GatedProductClamped clamped = engine_->kernel_set().loops.gated_product(
        multiplicand + slice.first, gate + slice.first, slice.count(), constants,
        engine_->sigmoid_unit(), vectors(lane).operand.get() + slice.first);
    add_saturations(silu, lane, rows.thread, clamped.silu);
    add_saturations(multiplicand_signal, lane, rows.thread, clamped.multiplicand);
    add_saturations(Signal::kOperand, lane, rows.thread, clamped.product);
}

void Executor::project(const Rows& rows) {
    for (int lane = 0; lane < lane_count_; ++lane) {
        add_saturations(Signal::kResidual, lane, rows.thread,
                        engine_->kernel_set().loops.add_scaled(
                            accumulators(rows.thread, lane, 0) + rows.slice.first,
                            rows.slice.count(), worker(rows.thread).scalings[0].at[lane],
                            vectors(lane).residual.get() + rows.slice.first));
    }
}

void Executor::head(const Rows& rows) {
    for (int lane = 0; lane < lane_count_; ++lane) {
        if (!lanes_[lane].with_head) continue;
        Context& context = *lanes_[lane].context;
        const Scaling& scaling = worker(rows.thread).scalings[0].at[lane];
        // The context keeps accumulators alone; here the logits only count their saturations.
        std::int32_t logits[kLogitsAtOnce];
        for (int first = rows.slice.first; first < rows.slice.last; first += kLogitsAtOnce) {
            const int count = std::min(kLogitsAtOnce, rows.slice.last - first);
            add_saturations(Signal::kLogit, lane, rows.thread,
                            engine_->kernel_set().loops.dequantise(
                                context.accumulators_.get() + first, count, scaling, logits));
        }
        if (rows.share == 0) context.logit_scaling_ = scaling;
    }
}

}  // namespace tritforge::engine::language_model
