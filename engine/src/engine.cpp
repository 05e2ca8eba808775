// SPDX-License-Identifier: Apache-2.0
#include "tritforge/engine.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

#include "tritforge/fixed_point.hpp"
#include "tritforge/ternary_code.hpp"

namespace tritforge {
namespace {

void check_size(const char* what, std::size_t bytes, std::size_t expected) {
    if (bytes != expected) {
        throw std::invalid_argument(std::string(what) + " has " + std::to_string(bytes) +
                                    " bytes, the shape needs " + std::to_string(expected));
    }
}

int checked_rows_per_beat(int rows_per_beat) {
    const auto* end = std::end(kRowsPerBeatChoices);
    if (std::find(std::begin(kRowsPerBeatChoices), end, rows_per_beat) == end) {
        throw std::invalid_argument("rows_per_beat is " + std::to_string(rows_per_beat) +
                                    ", choose 8, 16 or 32");
    }
    return rows_per_beat;
}

/// Every dot product is exact: see Widths.largest_exact_inputs in tritforge/config.py.
void check_rows_fit(const ModelShape& shape, const Widths& widths) {
    const int longest = std::max(shape.dim, shape.glu_width);
    const std::int64_t exact = symmetric_limit(widths.accumulator) / kCodeLimit;
    if (longest > exact) {
        throw std::invalid_argument("rows of " + std::to_string(longest) +
                                    " weights overflow the " + std::to_string(widths.accumulator) +
                                    "-bit accumulator: at most " + std::to_string(exact) +
                                    " are exact");
    }
}

void check_codes(ByteView stream) {
    // Invalid: at least three of the four 2-bit fields are 3. One pass without branches, to
    // vectorise.
    std::uint8_t invalid = 0;
    for (std::size_t i = 0; i < stream.bytes; ++i) {
        const std::uint8_t byte = stream.data[i];
        const auto escapes = static_cast<std::uint8_t>(byte & (byte >> 1) & 0x55);
        const auto pairs = static_cast<std::uint8_t>((escapes & 0x11) + (escapes >> 2 & 0x11));
        const auto count = static_cast<std::uint8_t>((pairs + (pairs >> 4)) & 7);
        invalid = static_cast<std::uint8_t>(invalid | (count + 1) >> 2);
    }
    if (invalid == 0) return;
    for (std::size_t i = 0; i < stream.bytes; ++i) {
        if (!kDecodeTable[stream.data[i]].valid) {
            throw std::invalid_argument("weight stream: byte " + std::to_string(i) + " is " +
                                        std::to_string(stream.data[i]) +
                                        ", not a code of five ternary weights");
        }
    }
}

}  // namespace

Engine::Engine(ByteView weights, ByteView parameters, ByteView embedding, int embedding_bytes,
               const ModelShape& shape, int rows_per_beat, const Widths& widths,
               const std::vector<std::int64_t>& sigmoid_table, const Backend& backend)
    : shape_(shape),
      rows_per_beat_(checked_rows_per_beat(rows_per_beat)),
      widths_(widths),
      backend_(backend),
      sigmoid_(make_sigmoid_unit(sigmoid_table, widths)),
      program_(parse_program(parameters.data, parameters.bytes, shape, widths)),
      embedding_(embedding),
      embedding_bytes_(embedding_bytes) {
    check_rows_fit(shape, widths);
    check_size("embedding", embedding.bytes,
               static_cast<std::size_t>(shape.vocabulary) * static_cast<std::size_t>(shape.dim) *
                   static_cast<std::size_t>(embedding_bytes));
    std::size_t expected = 0;
    for (std::size_t i = 1; i < program_.size(); ++i) expected += stream_bytes(layout(i));
    check_size("weight stream", weights.bytes, expected);
    check_codes(weights);
    place_weights(weights);
}

MatrixLayout Engine::layout(std::size_t operation) const {
    const Operation& item = program_[operation];
    return {item.rows, item.inputs, item.matrices, rows_per_beat_};
}

void Engine::place_weights(ByteView stream) {
    const TernaryKernel& kernel = backend_.kernel;
    std::size_t repacked = 0;
    for (std::size_t i = 1; i < program_.size(); ++i) repacked += kernel.repacked_bytes(layout(i));
    repacked_ = AlignedBuffer<std::uint8_t>(repacked > 0 ? repacked + kReadAhead : 0);
    weights_.assign(program_.size(), nullptr);
    std::size_t source = 0, target = 0;
    for (std::size_t i = 1; i < program_.size(); ++i) {
        const MatrixLayout item = layout(i);
        const std::size_t bytes = kernel.repacked_bytes(item);
        weights_[i] = stream.data + source;
        if (bytes > 0) {
            kernel.repack(item, stream.data + source, repacked_.get() + target);
            weights_[i] = repacked_.get() + target;
        }
        source += stream_bytes(item);
        target += bytes;
    }
}

void Engine::embedding(std::int64_t token, int first, int last, std::int32_t* result) const {
    const auto row = static_cast<std::size_t>(token) * static_cast<std::size_t>(shape_.dim);
    for (int i = first; i < last; ++i) {
        const std::size_t index = row + static_cast<std::size_t>(i);
        if (embedding_bytes_ == 1) {
            result[i] = static_cast<std::int8_t>(embedding_.data[index]);
        } else {
            const unsigned low = embedding_.data[2 * index], high = embedding_.data[2 * index + 1];
            result[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(low | high << 8));
        }
    }
}

}  // namespace tritforge
