// SPDX-License-Identifier: Apache-2.0
// One thread's part of the network: stages over some rows of an image, with memory of its own for
// all that lies between.
#pragma once

#include <cstdint>
#include <memory>

#include "common/aligned_buffer.hpp"
#include "ivit/model.hpp"

namespace tritforge::engine::ivit {

/// Rows that go through a stage together: their activations stay in the cache.
constexpr int kChunkRows = 4 * kRowMultiple;

/// Tokens or queries from `first` on.
struct RowRange {
    int first, last;

    int count() const { return last - first; }
};

/// What the stages of one image hand on.
struct ImageBuffers {
    explicit ImageBuffers(const VisionShape& shape);

    AlignedBuffer<std::int16_t> residual;  ///< (tokens, dim)
    AlignedBuffer<std::int8_t> qkv;        ///< (tokens, 3 * dim)
    AlignedBuffer<std::int8_t> context;    ///< (tokens, dim)
};

/// Each stage takes at most kChunkRows rows, but for attention.
class Worker {
  public:
    explicit Worker(std::shared_ptr<const VisionModel> model);

    /// Pixels to residual stream, and query, key and value of the first block.
    void embed(const std::uint8_t* pixels, RowRange tokens, ImageBuffers& image);
    /// Context of some queries of one head; needs query, key and value of the whole image.
    void attend(int layer, int head, RowRange queries, ImageBuffers& image);
    /// Output projection and MLP with their residual adds; query, key and value of the next block.
    void transform(int layer, RowRange tokens, ImageBuffers& image);
    /// Logits out of the class token.
    void classify(const ImageBuffers& image, std::int64_t* logits);

    /// The matrix products of linear layers that an image needs, on whatever lies in memory, and
    /// how many multiply-adds they are.
    std::int64_t multiply_only();

  private:
    void gather_patches(const std::uint8_t* pixels, RowRange patches);
    void normalise(const NormLayer& norm, const std::int16_t* rows, int count);
    void prepare(const std::int8_t* rows, std::ptrdiff_t stride, int count, int inputs);
    /// Prepared rows through a layer, from a panel on.
    template <typename Item>
    void apply(const LinearLayer& layer, int rows, int bits, Item* out, std::ptrdiff_t out_stride,
               int first_panel = 0);
    void multiply_panel(const LinearLayer& layer, int rows, int panel);
    void make_qkv(int layer, RowRange tokens, ImageBuffers& image);
    void attend_chunk(const VisionBlock& block, int head, RowRange queries, ImageBuffers& image);

    const std::shared_ptr<const VisionModel> model_;
    const KernelSet& kernels_;
    AlignedBuffer<std::int8_t> bytes_;                     ///< rows before they are prepared
    AlignedBuffer<std::uint8_t> prepared_;                 ///< rows of one product
    AlignedBuffer<std::int32_t> sums_;                     ///< of one panel
    AlignedBuffer<std::int8_t> hidden_;                    ///< hidden channels of the MLP
    AlignedBuffer<std::int16_t> branch_;                   ///< of a residual add
    AlignedBuffer<std::uint8_t> keys_;                     ///< packed
    AlignedBuffer<std::uint8_t> values_;                   ///< packed
    AlignedBuffer<std::int32_t> key_start_, value_start_;  ///< first sums
    AlignedBuffer<std::int8_t> scores_;
    AlignedBuffer<std::uint8_t> probabilities_;
    AlignedBuffer<std::uint32_t> exponentials_;
};

}  // namespace tritforge::engine::ivit
