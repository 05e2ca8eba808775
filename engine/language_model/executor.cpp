// SPDX-License-Identifier: Apache-2.0
// Passes: which thread does what, and when. What is done for rows: executor_operations.cpp.
#include "language_model/executor.hpp"

#include <algorithm>
#include <chrono>

#include "common/checked_fields.hpp"
#include "common/waiting.hpp"

namespace tritforge::engine::language_model {
namespace {

int checked_threads(int threads) {
    check_range("threads", threads, 1, kMaximumThreads);
    return threads;
}

std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

/// How long a thread without rows waits for the products of others before it makes them, too: at
/// least, and in relation to the time of its own ones. A thread that runs has made them by then.
constexpr std::chrono::microseconds kPatience{20};
constexpr int kPatienceDivisor = 4;

}  // namespace

Executor::Executor(std::shared_ptr<const Engine> engine, int threads)
    : engine_(std::move(engine)),
      shares_(checked_threads(threads)),
      paces_(threads),
      workers_(index_of(threads)),
      spins_(may_spin(threads)),
      pool_(threads) {
    const ModelShape& shape = engine_->shape();
    for (Worker& worker : workers_) {
        worker.codes =
            AlignedBuffer<std::int8_t>(padded_rows(std::max(shape.dim, shape.glu_width)));
    }
    make_room(1);
}

void Executor::make_room(int lanes) {
    using Vector = AlignedBuffer<std::int32_t>;
    if (vectors_.size() >= index_of(lanes)) return;
    const ModelShape& shape = engine_->shape();
    const std::size_t dim = padded_rows(shape.dim),
                      wide = padded_rows(std::max(shape.dim, shape.glu_width));
    pool_.settle();  // a thread may still be at products of an earlier pass
    for (Worker& worker : workers_) make_private_room(worker, lanes);
    while (vectors_.size() < index_of(lanes)) {
        LaneVectors vectors;
        vectors.embedding = AlignedBuffer<std::uint8_t>(engine_->embedding().row_bytes());
        vectors.residual = Vector(dim);
        vectors.operand = Vector(wide);
        vectors.preactivations[0] = Vector(wide);
        vectors.preactivations[1] = Vector(dim);
        for (QuantiserInput& input : vectors.inputs) {
            input.values[0] = Vector(wide);
            for (int consumer = 1; consumer < kConsumers; ++consumer) {
                input.values[consumer] = Vector(dim);
            }
            input.partials.resize(index_of(threads()));
        }
        vectors_.push_back(std::move(vectors));
    }
}

void Executor::make_private_room(Worker& worker, int lanes) {
    const ModelShape& shape = engine_->shape();
    const int longest = std::max(shape.dim, shape.glu_width);
    // MIX has three consumers and matrices of dim rows; GLU two matrices of glu_width rows and
    // PROJECT one of glu_width inputs.
    for (int consumer = 0; consumer < kConsumers; ++consumer) {
        worker.kernel_scratch[consumer] = AlignedBuffer<std::uint8_t>(
            engine_->kernel_set().kernel.scratch_bytes(consumer == 0 ? longest : shape.dim, lanes));
    }
    while (worker.accumulators.size() < index_of(lanes)) {
        Accumulators accumulators;
        for (int matrix = 0; matrix < kConsumers; ++matrix) {
            accumulators.of[matrix] =
                AlignedBuffer<std::int32_t>(padded_rows(matrix < 2 ? longest : shape.dim));
        }
        worker.accumulators.push_back(std::move(accumulators));
    }
}

void Executor::run(const Lane* lanes, int count) {
    make_room(count);
    for (int lane = 0; lane < count; ++lane) {
        if (lanes[lane].input != nullptr) continue;
        vectors(lane).embedding_row =
            engine_->embedding().row(lanes[lane].token, vectors(lane).embedding.get());
    }
    lanes_ = lanes;
    lane_count_ = count;
    const bool has_head =
        std::any_of(lanes, lanes + count, [](const Lane& lane) { return lane.with_head; });
    const std::uint64_t number = pass_.load(std::memory_order_relaxed) / 2 + 1;
    pass_.store(2 * number + (has_head ? 1 : 0), std::memory_order_release);
    pool_.start(
        [](void* self, int thread) noexcept { static_cast<Executor*>(self)->run_pass(thread); },
        this);
    for (int lane = 0; lane < count; ++lane) {
        Context& context = *lanes[lane].context;
        context.has_scores_ = lanes[lane].with_head;
        if (lanes[lane].output != nullptr) {
            std::copy_n(vectors(lane).residual.get(), engine_->shape().dim, lanes[lane].output);
        }
        for (Worker& worker : workers_) {
            context.saturations_.add(worker.saturations[lane]);
            worker.saturations[lane] = SaturationCounts{};
        }
    }
    if (threads() > 1) shares_.resize(paces_.sizes_after_pass());
}

std::int64_t Executor::rescued() const {
    std::int64_t total = 0;
    for (const Worker& worker : workers_) total += worker.rescued;
    return total;
}

void Executor::run_pass(int thread) noexcept {
    const std::vector<Operation>& program = engine_->program();
    const std::uint64_t pass = pass_.load(std::memory_order_acquire);
    for (std::size_t operation = 0; operation < program.size(); ++operation) {
        if (program[operation].kind == OperationKind::kHead && pass % 2 == 0) return;
        run_operation(pass / 2 * program.size() + operation, operation, thread);
    }
}

void Executor::run_operation(std::uint64_t step, std::size_t operation, int thread) {
    Worker& own = worker(thread);
    own.is_quantised = false;
    if (shares_.begin(step, thread)) run_share(step, operation, thread, thread);
    if (shares_.is_complete(step)) return;
    const auto patience =
        std::max<std::chrono::nanoseconds>(kPatience, own.product_time / kPatienceDivisor);
    Waiting waiting(spins_);
    do {
        int share = RowShares::kNone;
        if (waiting.looks() > 0 || own.expects_absence) {
            share = shares_.begin_other(step, thread);
            own.expects_absence = share != RowShares::kNone;
        }
        if (share != RowShares::kNone) {
            run_share(step, operation, share, thread);
            continue;
        }
        if (waiting.waited() >= patience) share = shares_.find_offered(step, thread);
        if (share != RowShares::kNone && multiply_again(step, operation, share, thread)) {
            finish(step, operation, share, thread);
        } else {
            waiting.pause();
        }
    } while (!shares_.is_complete(step));
}

void Executor::run_share(std::uint64_t step, std::size_t operation, int share, int thread) {
    using Clock = std::chrono::steady_clock;
    const Operation& item = engine_->program()[operation];
    const bool offers = threads() > 1 && is_private(operation);
    // One kind is enough; reading the clock takes time, too.
    const bool is_timed = offers && item.kind == OperationKind::kGlu;
    Worker& own = worker(thread);
    if (!own.is_quantised) quantise(operation, thread);
    own.is_quantised = true;
    if (offers) shares_.offer(step, share);
    const RowShares::Blocks blocks = shares_.blocks_of(rows_of(operation), share);
    const Clock::time_point start = is_timed ? Clock::now() : Clock::time_point{};
    for (int matrix = 0; matrix < item.matrices; ++matrix) {
        multiply(operation, matrix, blocks, thread);
    }
    if (is_timed) own.product_time = Clock::now() - start;
    if (offers && !shares_.commit(step, share)) return;
    if (is_timed) paces_.note(thread, blocks.count(), own.product_time);
    finish(step, operation, share, thread);
}

bool Executor::multiply_again(std::uint64_t step, std::size_t operation, int share, int thread) {
    if (!worker(thread).is_quantised) {
        // The step must not end while this thread reads its input.
        if (!shares_.hold(step, share)) return false;
        quantise(operation, thread);
        worker(thread).is_quantised = true;
        shares_.offer(step, share);
    }
    const RowShares::Blocks blocks = shares_.blocks_of(rows_of(operation), share);
    for (int matrix = 0; matrix < engine_->program()[operation].matrices; ++matrix) {
        for (int block = blocks.first; block < blocks.last; ++block) {
            if (!shares_.is_offered(step, share)) return false;
            multiply(operation, matrix, {block, block + 1}, thread);
        }
    }
    if (!shares_.commit(step, share)) return false;
    ++worker(thread).rescued;
    return true;
}

void Executor::finish(std::uint64_t step, std::size_t operation, int share, int thread) {
    const int count = rows_of(operation);
    const RowShares::Blocks blocks = shares_.blocks_of(count, share);
    const Slice slice = {std::min(count, blocks.first * kRowBlock),
                         std::min(count, blocks.last * kRowBlock)};
    finish_rows({operation, share, slice, thread});
    shares_.finish(step, share);
}

double Executor::time_products(int lanes) {
    make_room(lanes);
    lane_count_ = lanes;
    if (discarded_.get() == nullptr) {
        discarded_ = AlignedBuffer<std::int32_t>(padded_rows(engine_->shape().vocabulary));
    }
    pool_.settle();
    const auto start = std::chrono::steady_clock::now();
    pool_.run(
        [](void* self, int thread) noexcept { static_cast<Executor*>(self)->multiply_all(thread); },
        this);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Executor::multiply_all(int thread) noexcept {
    std::int32_t* results[kMaximumLanes];
    for (std::size_t index = 1; index < engine_->program().size(); ++index) {
        const Operation& item = engine_->program()[index];
        const RowShares::Blocks blocks = shares_.blocks_of(item.rows, thread);
        for (int matrix = 0; matrix < item.matrices; ++matrix) {
            for (int lane = 0; lane < lane_count_; ++lane) {
                results[lane] = item.kind == OperationKind::kHead
                                    ? discarded_.get()
                                    : accumulators(thread, lane, matrix);
            }
            engine_->kernel_set().kernel.dot(
                engine_->layout(index), engine_->weights(index), matrix, blocks.first, blocks.last,
                worker(thread).kernel_scratch[0].get(), lane_count_, results);
        }
    }
}

}  // namespace tritforge::engine::language_model
