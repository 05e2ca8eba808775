// SPDX-License-Identifier: Apache-2.0
#include "ivit/worker.hpp"

#include <algorithm>
#include <utility>

#include "ivit/shift_exponential.hpp"

namespace tritforge::engine::ivit {
namespace {

std::size_t area(int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

std::ptrdiff_t offset(int rows, int stride) { return static_cast<std::ptrdiff_t>(rows) * stride; }

/// Rows up to a whole block of a kernel.
int whole_blocks(const ProductKernel& kernel, int rows) {
    return (rows + kernel.row_block - 1) / kernel.row_block * kernel.row_block;
}

LayerNorm view(const NormLayer& norm, int bits) {
    return {static_cast<int>(norm.bias.size()), norm.bias.data(), norm.is_narrow,
            norm.factors.view(), bits};
}

}  // namespace

ImageBuffers::ImageBuffers(const VisionShape& shape)
    : residual(area(shape.tokens(), shape.dim)),
      qkv(area(shape.tokens(), 3 * shape.dim)),
      context(area(shape.tokens(), shape.dim)) {}

Worker::Worker(std::shared_ptr<const VisionModel> model)
    : model_(std::move(model)), kernels_(model_->kernels) {
    const VisionShape& shape = model_->shape;
    const ProductKernel &bytes = kernels_.bytes, &words = kernels_.words;
    const int widest = std::max({shape.dim, shape.hidden, shape.patch_inputs()});
    const int tokens = shape.tokens(), head_dim = shape.head_dim();
    bytes_ =
        AlignedBuffer<std::int8_t>(area(kChunkRows, std::max(shape.dim, shape.patch_inputs())));
    prepared_ = AlignedBuffer<std::uint8_t>(kChunkRows * row_bytes(bytes, widest));
    sums_ = AlignedBuffer<std::int32_t>(area(kChunkRows, std::max(bytes.panel, words.panel)));
    hidden_ = AlignedBuffer<std::int8_t>(area(kChunkRows, shape.hidden));
    branch_ = AlignedBuffer<std::int16_t>(area(kChunkRows, shape.dim));
    keys_ = AlignedBuffer<std::uint8_t>(packed_bytes(bytes, tokens, head_dim));
    values_ = AlignedBuffer<std::uint8_t>(packed_bytes(words, head_dim, tokens));
    key_start_ = AlignedBuffer<std::int32_t>(padded_columns(bytes, tokens));
    value_start_ = AlignedBuffer<std::int32_t>(padded_columns(words, head_dim));
    scores_ = AlignedBuffer<std::int8_t>(area(kChunkRows, tokens));
    probabilities_ = AlignedBuffer<std::uint8_t>(kChunkRows * row_bytes(words, tokens));
    exponentials_ = AlignedBuffer<std::uint32_t>(static_cast<std::size_t>(tokens));
}

void Worker::prepare(const std::int8_t* rows, std::ptrdiff_t stride, int count, int inputs) {
    kernels_.bytes.prepare({rows, stride}, count, inputs, prepared_.get());
}

void Worker::multiply_panel(const LinearLayer& layer, int rows, int panel) {
    const ProductKernel& kernel = kernels_.bytes;
    kernel.multiply(
        layer.packed.get() + panel_bytes(kernel, layer.inputs) * static_cast<std::size_t>(panel),
        layer.start.get() + offset(panel, kernel.panel), prepared_.get(),
        whole_blocks(kernel, rows), layer.inputs, sums_.get());
}

template <typename Item>
void Worker::apply(const LinearLayer& layer, int rows, int bits, Item* out,
                   std::ptrdiff_t out_stride, int first_panel) {
    const int width = kernels_.bytes.panel;
    const ChannelFactors factors = layer.factors.view();
    for (int panel = first_panel; panel < panel_count(kernels_.bytes, layer.columns); ++panel) {
        const int column = panel * width;
        multiply_panel(layer, rows, panel);
        const SumTile tile = {sums_.get(), width, rows, std::min(width, layer.columns - column)};
        if constexpr (sizeof(Item) == 1) {
            kernels_.loops.requantise_to_bytes(tile, factors, column, bits, out + column,
                                               out_stride);
        } else {
            kernels_.loops.requantise_to_words(tile, factors, column, bits, out + column,
                                               out_stride);
        }
    }
}

void Worker::normalise(const NormLayer& norm, const std::int16_t* rows, int count) {
    const int dim = model_->shape.dim;
    const LayerNorm unit = view(norm, model_->widths.activation);
    for (int row = 0; row < count; ++row) {
        kernels_.loops.layer_norm(rows + offset(row, dim), unit, bytes_.get() + offset(row, dim));
    }
    prepare(bytes_.get(), dim, count, dim);
}

void Worker::gather_patches(const std::uint8_t* pixels, RowRange patches) {
    const VisionShape& shape = model_->shape;
    const int run = shape.patch_size * shape.channels;  // bytes of one row of a patch
    std::int8_t* target = bytes_.get();
    for (int patch = patches.first; patch < patches.last; ++patch) {
        const int top = patch / shape.side() * shape.patch_size;
        const int left = patch % shape.side() * shape.patch_size;
        for (int row = 0; row < shape.patch_size; ++row) {
            const std::uint8_t* source =
                pixels + offset((top + row) * shape.image_size + left, shape.channels);
            for (int i = 0; i < run; i += shape.channels) {
                for (int colour = 0; colour < shape.channels; ++colour) {
                    *target++ =
                        model_->input_table[area(colour, kPixelValues) + source[i + colour]];
                }
            }
        }
    }
}

void Worker::embed(const std::uint8_t* pixels, RowRange tokens, ImageBuffers& image) {
    const VisionModel& model = *model_;
    const int dim = model.shape.dim, bits = model.widths.residual;
    // The first token is the class token, which has no patch.
    const RowRange patches = {std::max(tokens.first, 1) - 1, tokens.last - 1};
    gather_patches(pixels, patches);
    const int inputs = model.shape.patch_inputs();
    prepare(bytes_.get(), inputs, patches.count(), inputs);
    apply(model.patch_projection, patches.count(), bits, branch_.get(), dim);
    for (int token = tokens.first; token < tokens.last; ++token) {
        const std::int32_t* constant = model.constant.data() + offset(token, dim);
        std::int16_t* row = image.residual.get() + offset(token, dim);
        if (token == 0) {
            for (int i = 0; i < dim; ++i) {
                row[i] = static_cast<std::int16_t>(clamp_to_bits(constant[i], bits));
            }
            continue;
        }
        const std::int16_t* patch = branch_.get() + offset(token - 1 - patches.first, dim);
        for (int i = 0; i < dim; ++i) {
            row[i] = static_cast<std::int16_t>(
                clamp_to_bits(dyadic_product(patch[i], model.patches) + constant[i], bits));
        }
    }
    make_qkv(0, tokens, image);
}

void Worker::make_qkv(int layer, RowRange tokens, ImageBuffers& image) {
    const VisionShape& shape = model_->shape;
    const VisionBlock& block = model_->blocks[static_cast<std::size_t>(layer)];
    normalise(block.norm1, image.residual.get() + offset(tokens.first, shape.dim), tokens.count());
    // Of the last block only the class token goes on: the others need no query.
    const bool has_queries = layer + 1 < shape.layers || tokens.first == 0;
    apply(block.qkv, tokens.count(), model_->widths.activation,
          image.qkv.get() + offset(tokens.first, 3 * shape.dim), 3 * shape.dim,
          has_queries ? 0 : shape.dim / kernels_.bytes.panel);
}

void Worker::attend(int layer, int head, RowRange queries, ImageBuffers& image) {
    const VisionShape& shape = model_->shape;
    const int tokens = shape.tokens(), head_dim = shape.head_dim(), stride = 3 * shape.dim;
    const std::int8_t* key = image.qkv.get() + shape.dim + head * head_dim;
    kernels_.bytes.pack({key, stride}, tokens, head_dim, nullptr, keys_.get(), key_start_.get());
    kernels_.words.pack_transposed({key + shape.dim, stride}, head_dim, tokens, values_.get(),
                                   value_start_.get());
    const VisionBlock& block = model_->blocks[static_cast<std::size_t>(layer)];
    for (int first = queries.first; first < queries.last; first += kChunkRows) {
        attend_chunk(block, head, {first, std::min(first + kChunkRows, queries.last)}, image);
    }
}

void Worker::attend_chunk(const VisionBlock& block, int head, RowRange queries,
                          ImageBuffers& image) {
    const VisionShape& shape = model_->shape;
    const VisionWidths& widths = model_->widths;
    const ProductKernel &bytes = kernels_.bytes, &words = kernels_.words;
    const int tokens = shape.tokens(), head_dim = shape.head_dim(), rows = queries.count();
    const std::ptrdiff_t column = static_cast<std::ptrdiff_t>(head) * head_dim;
    prepare(image.qkv.get() + offset(queries.first, 3 * shape.dim) + column, 3 * shape.dim, rows,
            head_dim);
    const ChannelFactors score_factors = block.scores.view();
    for (int panel = 0; panel < panel_count(bytes, tokens); ++panel) {
        const int key = panel * bytes.panel;
        bytes.multiply(keys_.get() + panel_bytes(bytes, head_dim) * static_cast<std::size_t>(panel),
                       key_start_.get() + key, prepared_.get(), whole_blocks(bytes, rows), head_dim,
                       sums_.get());
        kernels_.loops.requantise_to_bytes(
            {sums_.get(), bytes.panel, rows, std::min(bytes.panel, tokens - key)}, score_factors,
            key, widths.activation, scores_.get() + key, tokens);
    }
    const Shiftmax shiftmax = {block.exponentials.data(),
                               kNumeratorBits - (widths.probability - 1)};
    const std::size_t probability_bytes = row_bytes(words, tokens);
    for (int row = 0; row < rows; ++row) {
        // The items behind the last key stay 0, as they were made.
        kernels_.loops.shiftmax(
            scores_.get() + offset(row, tokens), tokens, shiftmax, exponentials_.get(),
            reinterpret_cast<std::int16_t*>(probabilities_.get() +
                                            probability_bytes * static_cast<std::size_t>(row)));
    }
    const ChannelFactors context_factors = block.context.view();
    for (int panel = 0; panel < panel_count(words, head_dim); ++panel) {
        const int channel = panel * words.panel;
        words.multiply(values_.get() + panel_bytes(words, tokens) * static_cast<std::size_t>(panel),
                       value_start_.get() + channel, probabilities_.get(),
                       whole_blocks(words, rows), tokens, sums_.get());
        kernels_.loops.requantise_to_bytes(
            {sums_.get(), words.panel, rows, std::min(words.panel, head_dim - channel)},
            context_factors, channel, widths.activation,
            image.context.get() + offset(queries.first, shape.dim) + column + channel, shape.dim);
    }
}

void Worker::transform(int layer, RowRange tokens, ImageBuffers& image) {
    const VisionShape& shape = model_->shape;
    const VisionWidths& widths = model_->widths;
    const VisionBlock& block = model_->blocks[static_cast<std::size_t>(layer)];
    const int dim = shape.dim, rows = tokens.count(), numbers = rows * dim;
    std::int16_t* residual = image.residual.get() + offset(tokens.first, dim);

    prepare(image.context.get() + offset(tokens.first, dim), dim, rows, dim);
    apply(block.projection, rows, widths.residual, branch_.get(), dim);
    kernels_.loops.residual_add(branch_.get(), numbers, block.residual1, residual);

    normalise(block.norm2, residual, rows);
    apply(block.fc1, rows, widths.activation, hidden_.get(), shape.hidden);
    for (int row = 0; row < rows; ++row) {
        std::int8_t* hidden = hidden_.get() + offset(row, shape.hidden);
        const int largest = kernels_.loops.largest(hidden, shape.hidden);
        kernels_.loops.look_up(
            block.gelu.data() + area(largest + kActivationValues / 2, kActivationValues),
            shape.hidden, hidden);
    }
    prepare(hidden_.get(), shape.hidden, rows, shape.hidden);
    apply(block.fc2, rows, widths.residual, branch_.get(), dim);
    kernels_.loops.residual_add(branch_.get(), numbers, block.residual2, residual);

    if (layer + 1 < shape.layers) make_qkv(layer + 1, tokens, image);
}

void Worker::classify(const ImageBuffers& image, std::int64_t* logits) {
    constexpr int kLogitBits = 32;
    const LinearLayer& layer = model_->classifier;
    const int width = kernels_.bytes.panel;
    normalise(model_->head_norm, image.residual.get(), 1);
    const Factor* factors = layer.factors.view().exact;
    for (int panel = 0; panel < panel_count(kernels_.bytes, layer.columns); ++panel) {
        multiply_panel(layer, 1, panel);
        const int column = panel * width;
        for (int i = 0; i < std::min(width, layer.columns - column); ++i) {
            logits[column + i] = clamp_to_bits(
                dyadic_product(sums_[static_cast<std::size_t>(i)], factors[column + i]),
                kLogitBits);
        }
    }
}

std::int64_t Worker::multiply_only() {
    std::int64_t multiply_adds = 0;
    const auto multiply = [&](const LinearLayer& layer, int rows) {
        for (int first = 0; first < rows; first += kChunkRows) {
            for (int panel = 0; panel < panel_count(kernels_.bytes, layer.columns); ++panel) {
                multiply_panel(layer, std::min(kChunkRows, rows - first), panel);
            }
        }
        multiply_adds += static_cast<std::int64_t>(rows) * layer.columns * layer.inputs;
    };
    for (const VisionBlock& block : model_->blocks) {
        const LinearLayer* const layers[] = {&block.qkv, &block.projection, &block.fc1, &block.fc2};
        for (const LinearLayer* layer : layers) multiply(*layer, model_->shape.tokens());
    }
    return multiply_adds;
}

}  // namespace tritforge::engine::ivit
