// SPDX-License-Identifier: Apache-2.0
// A model ready to run: checked program, weights in the form of the chosen backend, embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tritforge/aligned_buffer.hpp"
#include "tritforge/backend.hpp"
#include "tritforge/model_shape.hpp"
#include "tritforge/program.hpp"
#include "tritforge/sigmoid.hpp"
#include "tritforge/widths.hpp"

namespace tritforge {

/// Untrusted bytes; they must outlive the engine.
struct ByteView {
    const std::uint8_t* data;
    std::size_t bytes;
};

/// Immutable after construction, so any number of contexts may share one from different threads.
class Engine {
  public:
    /// Check everything and repack the weights if the backend asks for it.
    /// embedding: (vocabulary, dim) little-endian mantissas of `embedding_bytes` (1 or 2) each.
    /// Throws std::invalid_argument: says what is inconsistent.
    Engine(ByteView weights, ByteView parameters, ByteView embedding, int embedding_bytes,
           const ModelShape& shape, int rows_per_beat, const Widths& widths,
           const std::vector<std::int64_t>& sigmoid_table, const Backend& backend);

    const ModelShape& shape() const { return shape_; }
    const Widths& widths() const { return widths_; }
    const Backend& backend() const { return backend_; }
    const SigmoidUnit& sigmoid_unit() const { return sigmoid_; }
    const std::vector<Operation>& program() const { return program_; }

    /// Layout of an operation's weights (not EMBED).
    MatrixLayout layout(std::size_t operation) const;
    /// What the backend's `dot` reads for an operation (not EMBED).
    const std::uint8_t* weights(std::size_t operation) const { return weights_[operation]; }
    /// Embedding mantissas [first, last) of a token.
    void embedding(std::int64_t token, int first, int last, std::int32_t* result) const;

  private:
    void place_weights(ByteView stream);

    const ModelShape shape_;
    const int rows_per_beat_;
    const Widths widths_;
    const Backend& backend_;
    const SigmoidUnit sigmoid_;
    const std::vector<Operation> program_;
    const ByteView embedding_;
    const int embedding_bytes_;
    AlignedBuffer<std::uint8_t> repacked_;
    std::vector<const std::uint8_t*> weights_;
};

}  // namespace tritforge
