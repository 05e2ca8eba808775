// SPDX-License-Identifier: Apache-2.0
#include "language_model/embedding.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "common/checked_fields.hpp"

namespace tritforge::engine::language_model {
namespace {

constexpr EmbeddingType kTypes[] = {
    {EmbeddingKind::kInt8, "int8", 1, "b"},       {EmbeddingKind::kInt16, "int16", 2, "h"},
    {EmbeddingKind::kFloat16, "float16", 2, "e"}, {EmbeddingKind::kBfloat16, "bfloat16", 2, "H"},
    {EmbeddingKind::kFloat32, "float32", 4, "f"},
};
constexpr int kLeastExponent = -128, kLargestExponent = 127;
/// What the exponents of float32 have more than those of float16.
constexpr int kHalfBias = 127 - 15;

/// Little-endian bytes as an unsigned number, on hosts of either byte order.
template <int kBytes>
std::uint32_t bits_at(const std::uint8_t* at) {
    std::uint32_t bits = 0;
    for (int i = 0; i < kBytes; ++i) bits |= std::uint32_t{at[i]} << (8 * i);
    return bits;
}

double as_float(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// Number of an element; of float16, 2**-kHalfBias of it.
template <EmbeddingKind kKind>
double element(const std::uint8_t* at) {
    if constexpr (kKind == EmbeddingKind::kInt8) {
        return static_cast<std::int8_t>(*at);
    } else if constexpr (kKind == EmbeddingKind::kInt16) {
        return static_cast<std::int16_t>(static_cast<std::uint16_t>(bits_at<2>(at)));
    } else if constexpr (kKind == EmbeddingKind::kFloat16) {
        const std::uint32_t bits = bits_at<2>(at);
        return as_float((bits & 0x8000) << 16 | (bits & 0x7fff) << 13);
    } else if constexpr (kKind == EmbeddingKind::kBfloat16) {
        return as_float(bits_at<2>(at) << 16);
    } else {
        return as_float(bits_at<4>(at));
    }
}

template <EmbeddingKind kKind>
void convert(const std::uint8_t* row, std::size_t bytes, int first, int last, double scale,
             std::int64_t limit, std::int32_t* result) {
    const auto largest = static_cast<double>(limit);
    for (int i = first; i < last; ++i) {
        const double exact = element<kKind>(row + bytes * static_cast<std::size_t>(i)) * scale;
        const double rounded = std::floor(exact + 0.5);
        // Images are checked before: this also keeps what is no number within the limits.
        const double lower = rounded > -largest ? rounded : -largest;
        result[i] = static_cast<std::int32_t>(lower < largest ? lower : largest);
    }
}

}  // namespace

const EmbeddingType& find_embedding_type(const std::string& name) {
    for (const EmbeddingType& type : kTypes) {
        if (name == type.name) return type;
    }
    throw std::invalid_argument("embedding_type " + name +
                                " is unknown: int8, int16, float16, bfloat16 or float32");
}

Embedding::Embedding(const EmbeddingType& type, ByteSource elements,
                     const std::vector<std::int64_t>& exponents, const ModelShape& shape,
                     int fraction)
    : type_(type),
      elements_(std::move(elements)),
      row_bytes_(static_cast<std::size_t>(shape.dim) * type.bytes) {
    const auto rows = static_cast<std::size_t>(shape.vocabulary);
    if (elements_.bytes() != rows * row_bytes_) {
        throw std::invalid_argument("embedding has " + std::to_string(elements_.bytes()) +
                                    " bytes, the shape needs " + std::to_string(rows * row_bytes_));
    }
    if (exponents.size() != rows) {
        throw std::invalid_argument("embedding_exponents has " + std::to_string(exponents.size()) +
                                    " numbers, the shape needs " + std::to_string(rows));
    }
    check_range("residual_fraction", fraction, 0, kMaximumResidualFraction);
    const int bias = type.kind == EmbeddingKind::kFloat16 ? kHalfBias : 0;
    scales_.reserve(rows);
    for (const std::int64_t exponent : exponents) {
        check_range("embedding exponent", exponent, kLeastExponent, kLargestExponent);
        scales_.push_back(std::ldexp(1.0, fraction + bias - static_cast<int>(exponent)));
    }
}

const std::uint8_t* Embedding::row(std::int64_t token, std::uint8_t* buffer) const {
    return elements_.read(static_cast<std::size_t>(token) * row_bytes_, row_bytes_, buffer);
}

void Embedding::residuals(std::int64_t token, const std::uint8_t* row, int first, int last,
                          std::int64_t limit, std::int32_t* result) const {
    const double scale = scales_[static_cast<std::size_t>(token)];
    const auto with = [&](auto function) {
        function(row, type_.bytes, first, last, scale, limit, result);
    };
    switch (type_.kind) {
        case EmbeddingKind::kInt8:
            return with(convert<EmbeddingKind::kInt8>);
        case EmbeddingKind::kInt16:
            return with(convert<EmbeddingKind::kInt16>);
        case EmbeddingKind::kFloat16:
            return with(convert<EmbeddingKind::kFloat16>);
        case EmbeddingKind::kBfloat16:
            return with(convert<EmbeddingKind::kBfloat16>);
        case EmbeddingKind::kFloat32:
            return with(convert<EmbeddingKind::kFloat32>);
    }
}

}  // namespace tritforge::engine::language_model
