// SPDX-License-Identifier: Apache-2.0
#include "language_model/kernels/kernel_check.hpp"

#include <algorithm>
#include <cstring>

#include "common/aligned_buffer.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {
namespace {

int plain_dot(const Product& product, int matrix, int row, const std::vector<std::int8_t>& codes) {
    const MatrixLayout& layout = product.layout;
    const int width = layout.rows_per_beat;
    const std::uint8_t* bytes =
        product.stream.data() + tile_offset(layout, row / width, matrix) + row % width;
    int sum = 0;
    for (int column = 0; column < layout.inputs; ++column) {
        const std::uint8_t byte = bytes[column / kWeightsPerByte * width];
        sum += kDecodeTable[byte].weights[column % kWeightsPerByte] *
               codes[static_cast<std::size_t>(column)];
    }
    return sum;
}

/// The byte of five equal weights.
std::uint8_t byte_of(int weight) {
    const auto found =
        std::find_if(kDecodeTable.begin(), kDecodeTable.end(), [weight](const DecodedByte& byte) {
            return byte.valid && std::all_of(std::begin(byte.weights), std::end(byte.weights),
                                             [weight](int own) { return own == weight; });
        });
    return static_cast<std::uint8_t>(found - kDecodeTable.begin());
}

}  // namespace

Product random_product(const MatrixLayout& layout, int lanes, std::mt19937& random) {
    std::uniform_int_distribution<int> byte(0, kByteValues - 1), code(-127, 127);
    Product product = constant_product(layout, lanes, 0, 0);
    for (std::uint8_t& item : product.stream) item = static_cast<std::uint8_t>(byte(random));
    for (std::vector<std::int8_t>& codes : product.codes) {
        for (std::int8_t& item : codes) item = static_cast<std::int8_t>(code(random));
    }
    return product;
}

Product constant_product(const MatrixLayout& layout, int lanes, int weight, int code) {
    const std::vector<std::int8_t> codes(static_cast<std::size_t>(layout.inputs),
                                         static_cast<std::int8_t>(code));
    return {layout, std::vector<std::uint8_t>(stream_bytes(layout), byte_of(weight)),
            std::vector<std::vector<std::int8_t>>(static_cast<std::size_t>(lanes), codes)};
}

int count_wrong_sums(const TernaryKernel& kernel, const Product& product) {
    const MatrixLayout& layout = product.layout;
    const std::uint8_t* stream = product.stream.data();
    const int lanes = static_cast<int>(product.codes.size());
    const std::size_t copied = kernel.repacked_bytes(layout);
    AlignedBuffer<std::uint8_t> repacked(copied > 0 ? copied + kReadAhead : 0);
    AlignedBuffer<std::uint8_t> scratch(kernel.scratch_bytes(layout.inputs, lanes));
    if (copied > 0) {
        std::memset(repacked.get() + copied, 0xFF, kReadAhead);  // gains follow weights in memory
        // In two portions, as the engine does it.
        const int half = row_tiles(layout) / 2;
        kernel.repack(layout, half, row_tiles(layout), stream + tile_offset(layout, half, 0),
                      repacked.get());
        kernel.repack(layout, 0, half, stream, repacked.get());
    }
    std::vector<AlignedBuffer<std::int32_t>> sums;
    std::int32_t* results[kMaximumLanes];
    for (int lane = 0; lane < lanes; ++lane) {
        kernel.load_codes(product.codes[static_cast<std::size_t>(lane)].data(), layout.inputs, lane,
                          lanes, scratch.get());
        sums.emplace_back(padded_rows(layout.rows));
        results[lane] = sums.back().get();
    }
    int wrong = 0;
    for (int matrix = 0; matrix < layout.matrices; ++matrix) {
        kernel.dot(layout, copied > 0 ? repacked.get() : stream, matrix, 0, row_blocks(layout),
                   scratch.get(), lanes, results);
        for (int lane = 0; lane < lanes; ++lane) {
            const std::vector<std::int8_t>& codes = product.codes[static_cast<std::size_t>(lane)];
            for (int row = 0; row < layout.rows; ++row) {
                wrong += results[lane][row] != plain_dot(product, matrix, row, codes);
            }
        }
    }
    return wrong;
}

}  // namespace tritforge::engine::language_model
