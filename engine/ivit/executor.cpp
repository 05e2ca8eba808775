// SPDX-License-Identifier: Apache-2.0
#include "ivit/executor.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace tritforge::engine::ivit {
namespace {

int divide_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

}  // namespace

Executor::Executor(std::shared_ptr<const VisionModel> model, int threads)
    : model_(std::move(model)), pool_(threads) {
    for (int thread = 0; thread < threads; ++thread) {
        workers_.emplace_back(model_);
        buffers_.emplace_back(model_->shape);
    }
}

template <typename Task>
void Executor::share_out(int count, const Task& task) {
    if (count == 0) return;
    struct Shared {
        const Task& task;
        const int count;
        std::atomic<int> next{0};
    } shared{task, count};
    pool_.run(
        [](void* argument, int thread) noexcept {
            auto& all = *static_cast<Shared*>(argument);
            for (int index;
                 (index = all.next.fetch_add(1, std::memory_order_relaxed)) < all.count;) {
                all.task(index, thread);
            }
        },
        &shared);
}

RowRange Executor::chunk_of(int chunk, int chunks) const {
    const int tokens = model_->shape.tokens(), block = model_->kernels.bytes.row_block;
    const int blocks = divide_up(tokens, block);
    const auto boundary = [&](int index) {
        return std::min(tokens, blocks * index / chunks * block);
    };
    return {boundary(chunk), boundary(chunk + 1)};
}

void Executor::run(const std::uint8_t* pixels, int images, std::int64_t* logits) {
    const std::size_t image_bytes = model_->shape.pixels();
    const auto classes = static_cast<std::size_t>(model_->shape.classes);
    const int whole = images - images % pool_.size();
    share_out(whole, [&](int index, int thread) {
        const auto image = static_cast<std::size_t>(index), own = static_cast<std::size_t>(thread);
        run_whole(pixels + image * image_bytes, logits + image * classes, workers_[own],
                  buffers_[own]);
    });
    const auto done = static_cast<std::size_t>(whole);
    if (whole < images) {
        run_together(pixels + done * image_bytes, images - whole, logits + done * classes);
    }
}

void Executor::run_whole(const std::uint8_t* pixels, std::int64_t* logits, Worker& worker,
                         ImageBuffers& buffers) {
    const VisionShape& shape = model_->shape;
    const int chunks = divide_up(shape.tokens(), kChunkRows);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        worker.embed(pixels, chunk_of(chunk, chunks), buffers);
    }
    for (int layer = 0; layer < shape.layers; ++layer) {
        // Only the class token leaves the last block.
        const bool is_last = layer + 1 == shape.layers;
        for (int head = 0; head < shape.heads; ++head) {
            worker.attend(layer, head, {0, is_last ? 1 : shape.tokens()}, buffers);
        }
        if (is_last) {
            worker.transform(layer, {0, 1}, buffers);
            continue;
        }
        for (int chunk = 0; chunk < chunks; ++chunk) {
            worker.transform(layer, chunk_of(chunk, chunks), buffers);
        }
    }
    worker.classify(buffers, logits);
}

void Executor::run_together(const std::uint8_t* pixels, int images, std::int64_t* logits) {
    const VisionShape& shape = model_->shape;
    const int threads = pool_.size();
    const std::size_t image_bytes = shape.pixels();
    const auto classes = static_cast<std::size_t>(shape.classes);
    // As many chunks for each thread as for every other one.
    const int chunks = divide_up(divide_up(shape.tokens(), kChunkRows), threads) * threads;
    const int parts = images * shape.heads % threads == 0 ? 1 : threads;
    const auto each_chunk = [&](const auto& stage) {
        share_out(images * chunks, [&](int index, int thread) {
            const RowRange tokens = chunk_of(index % chunks, chunks);
            if (tokens.count() > 0) {
                stage(static_cast<std::size_t>(index / chunks), tokens,
                      workers_[static_cast<std::size_t>(thread)]);
            }
        });
    };
    each_chunk([&](std::size_t image, RowRange tokens, Worker& worker) {
        worker.embed(pixels + image * image_bytes, tokens, buffers_[image]);
    });
    for (int layer = 0; layer + 1 < shape.layers; ++layer) {
        share_out(images * shape.heads * parts, [&](int index, int thread) {
            const int image = index / (shape.heads * parts), head = index / parts % shape.heads;
            const RowRange queries = chunk_of(index % parts, parts);
            if (queries.count() > 0) {
                workers_[static_cast<std::size_t>(thread)].attend(
                    layer, head, queries, buffers_[static_cast<std::size_t>(image)]);
            }
        });
        each_chunk([&](std::size_t image, RowRange tokens, Worker& worker) {
            worker.transform(layer, tokens, buffers_[image]);
        });
    }
    // Only the class token leaves the last block.
    const int last = shape.layers - 1;
    share_out(images * shape.heads, [&](int index, int thread) {
        workers_[static_cast<std::size_t>(thread)].attend(
            last, index % shape.heads, {0, 1},
            buffers_[static_cast<std::size_t>(index / shape.heads)]);
    });
    share_out(images, [&](int index, int thread) {
        const auto image = static_cast<std::size_t>(index);
        Worker& worker = workers_[static_cast<std::size_t>(thread)];
        worker.transform(last, {0, 1}, buffers_[image]);
        worker.classify(buffers_[image], logits + image * classes);
    });
}

}  // namespace tritforge::engine::ivit
