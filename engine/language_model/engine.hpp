// SPDX-License-Identifier: Apache-2.0
// A model ready to run: checked program, weights in the form of the chosen kernel set, embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/aligned_buffer.hpp"
#include "common/byte_source.hpp"
#include "language_model/embedding.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/model_shape.hpp"
#include "language_model/program.hpp"
#include "language_model/sigmoid.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

/// Immutable after construction, so any number of contexts may share one from different threads.
class Engine {
  public:
    /// Check everything and repack the weights if the kernel asks for it.
    /// Throws std::invalid_argument: says what is inconsistent.
    /// shape: its layers are those of the part.
    /// threads: how many check and repack. The parameters are not needed afterwards.
    Engine(ByteSource weights, const ByteSource& parameters, Embedding embedding,
           const ModelShape& shape, const ModelPart& part, int rows_per_beat, const Widths& widths,
           const std::vector<std::int64_t>& sigmoid_table, const KernelSet& kernel_set,
           int threads);

    const ModelShape& shape() const { return shape_; }
    const ModelPart& part() const { return part_; }
    const Widths& widths() const { return widths_; }
    const KernelSet& kernel_set() const { return kernel_set_; }
    const SigmoidUnit& sigmoid_unit() const { return sigmoid_; }
    const std::vector<Operation>& program() const { return program_; }

    /// Layout of an operation's weights (not EMBED).
    MatrixLayout layout(std::size_t operation) const;
    /// What the kernel's `dot` reads for an operation (not EMBED).
    const std::uint8_t* weights(std::size_t operation) const { return weights_[operation]; }
    /// Bytes of weights that one token reads.
    std::size_t weight_bytes() const;

    const Embedding& embedding() const { return embedding_; }

  private:
    /// Row tiles of one operation that are read, checked and repacked together.
    struct Portion;
    /// Reserve the token stream, and move the vectors of the operations into it.
    void place_vectors();
    void place_weights(int threads);
    std::vector<Portion> portions() const;
    /// First invalid byte of the stream in the portion, or the size of the stream.
    std::size_t place(const Portion& portion, std::uint8_t* buffer);

    const ModelShape shape_;
    const ModelPart part_;
    const int rows_per_beat_;
    const Widths widths_;
    const KernelSet& kernel_set_;
    const SigmoidUnit sigmoid_;
    std::vector<Operation> program_;
    ByteSource stream_;
    const Embedding embedding_;
    /// What a token reads, in that order: the vectors of an operation, then its repacked weights.
    /// So the prefetching of weights brings the next operation's vectors as well.
    AlignedBuffer<std::uint8_t> token_stream_;
    std::vector<std::uint8_t*> repacked_;  ///< one place in it per operation; null if not repacked
    std::vector<const std::uint8_t*> weights_;
    std::vector<std::size_t> positions_;  ///< where each operation begins in the stream
};

}  // namespace tritforge::engine::language_model
