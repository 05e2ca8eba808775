// SPDX-License-Identifier: Apache-2.0
// The embedding: its element types, and its rows as residuals
// (tritforge/language_model/embedding.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/byte_source.hpp"
#include "language_model/model_shape.hpp"

namespace tritforge::engine::language_model {

/// Type of an element, by its name in the header of an image.
enum class EmbeddingKind { kInt8, kInt16, kFloat16, kBfloat16, kFloat32 };

struct EmbeddingType {
    EmbeddingKind kind;
    const char* name;
    std::size_t bytes;
    const char* format;  ///< of the items of a Python buffer
};

/// Throws std::invalid_argument: the name is none of the types.
const EmbeddingType& find_embedding_type(const std::string& name);

/// Most fraction bits of a residual.
constexpr int kMaximumResidualFraction = 63;

/// Rows of an embedding. A value is element * 2**-exponent of its row.
class Embedding {
  public:
    /// Throws std::invalid_argument: sizes, exponents or fraction are wrong.
    Embedding(const EmbeddingType& type, ByteSource elements,
              const std::vector<std::int64_t>& exponents, const ModelShape& shape, int fraction);

    std::size_t row_bytes() const { return row_bytes_; }
    /// Elements of a token's row: where they are, or read into `buffer`.
    /// Throws std::runtime_error: the file cannot be read.
    const std::uint8_t* row(std::int64_t token, std::uint8_t* buffer) const;
    /// Residuals [first, last) of that row: floor(value * 2**fraction + 1/2), within +-limit.
    void residuals(std::int64_t token, const std::uint8_t* row, int first, int last,
                   std::int64_t limit, std::int32_t* result) const;

  private:
    const EmbeddingType& type_;
    ByteSource elements_;
    std::size_t row_bytes_;
    std::vector<double> scales_;  ///< what an element of each row is multiplied by
};

}  // namespace tritforge::engine::language_model
