// SPDX-License-Identifier: Apache-2.0
// Compares every backend of this CPU with plain arithmetic and with the portable loops, on random
// numbers. Without Python, so that it also runs under an emulator of another CPU.
//
// Prints one line a backend; exit status 1 if any number differs.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tritforge/aligned_buffer.hpp"
#include "tritforge/backend.hpp"
#include "tritforge/ternary_code.hpp"

namespace tritforge {
namespace {

using Random = std::mt19937;

int between(Random& random, int first, int last) {
    return std::uniform_int_distribution<int>(first, last)(random);
}

std::vector<std::uint8_t> random_stream(Random& random, const MatrixLayout& layout) {
    std::vector<std::uint8_t> valid, stream;
    for (int byte = 0; byte < kByteValues; ++byte) {
        if (kDecodeTable[static_cast<std::size_t>(byte)].valid) {
            valid.push_back(static_cast<std::uint8_t>(byte));
        }
    }
    for (std::size_t i = 0; i < stream_bytes(layout); ++i) {
        stream.push_back(valid[static_cast<std::size_t>(
            between(random, 0, static_cast<int>(valid.size()) - 1))]);
    }
    return stream;
}

int plain_dot(const MatrixLayout& layout, const std::vector<std::uint8_t>& stream, int matrix,
              int row, const std::int8_t* codes) {
    const int width = layout.rows_per_beat;
    const std::uint8_t* bytes =
        stream.data() + tile_offset(layout, row / width, matrix) + row % width;
    int sum = 0;
    for (int column = 0; column < layout.inputs; ++column) {
        const std::uint8_t byte = bytes[column / kWeightsPerByte * width];
        sum += kDecodeTable[byte].weights[column % kWeightsPerByte] * codes[column];
    }
    return sum;
}

/// Differences of one random product.
int check_dot(const Backend& backend, Random& random, int rows, int inputs, int lanes) {
    constexpr int kWidths[] = {8, 16, 32};
    const MatrixLayout layout = {rows, inputs, between(random, 1, 3),
                                 kWidths[between(random, 0, 2)]};
    const std::vector<std::uint8_t> stream = random_stream(random, layout);
    const TernaryKernel& kernel = backend.kernel;
    const std::size_t copied = kernel.repacked_bytes(layout);
    AlignedBuffer<std::uint8_t> repacked(copied > 0 ? copied + kReadAhead : 0);
    AlignedBuffer<std::uint8_t> scratch(kernel.scratch_bytes(inputs, lanes));
    if (copied > 0) {
        // In two portions, as the engine does it.
        const int half = row_tiles(layout) / 2;
        kernel.repack(layout, half, row_tiles(layout), stream.data() + tile_offset(layout, half, 0),
                      repacked.get());
        kernel.repack(layout, 0, half, stream.data(), repacked.get());
    }
    std::vector<std::vector<std::int8_t>> codes;
    std::vector<AlignedBuffer<std::int32_t>> sums;
    std::int32_t* results[kMaximumLanes];
    const bool extreme = between(random, 0, 3) == 0;
    for (int lane = 0; lane < lanes; ++lane) {
        std::vector<std::int8_t> values;
        for (int i = 0; i < inputs; ++i) {
            values.push_back(static_cast<std::int8_t>(extreme ? 127 : between(random, -127, 127)));
        }
        kernel.load_codes(values.data(), inputs, lane, lanes, scratch.get());
        codes.push_back(std::move(values));
        sums.emplace_back(padded_rows(rows));
        results[lane] = sums.back().get();
    }
    int wrong = 0;
    for (int matrix = 0; matrix < layout.matrices; ++matrix) {
        kernel.dot(layout, copied > 0 ? repacked.get() : stream.data(), matrix, 0,
                   row_blocks(layout), scratch.get(), lanes, results);
        for (int lane = 0; lane < lanes; ++lane) {
            const std::int8_t* lane_codes = codes[static_cast<std::size_t>(lane)].data();
            for (int row = 0; row < rows; ++row) {
                wrong += results[lane][row] != plain_dot(layout, stream, matrix, row, lane_codes);
            }
        }
    }
    return wrong;
}

/// Differences between the element-wise loops of two backends, for one random slice.
int check_loops(const ElementwiseLoops& one, const ElementwiseLoops& other, Random& random) {
    const int count = between(random, 1, 200);
    const auto size = static_cast<std::size_t>(count);
    std::vector<std::int32_t> operand(size), first(size), second(size);
    std::vector<std::int16_t> gain(size);
    std::vector<std::int8_t> first_codes(size), second_codes(size);
    std::vector<double> first_weights(size), second_weights(size);
    for (std::size_t i = 0; i < size; ++i) {
        operand[i] = between(random, -(1 << 24) + 1, (1 << 24) - 1);
        gain[i] = static_cast<std::int16_t>(between(random, -32767, 32767));
    }
    const int shift = between(random, 0, 20);
    const std::int64_t limit = (std::int64_t{1} << between(random, 10, 24)) - 1;
    int wrong = 0;
    const auto same = [&](std::int64_t a, std::int64_t b) { wrong += a != b || first != second; };
    same(one.operand(operand.data(), count, shift, limit, first.data()),
         other.operand(operand.data(), count, shift, limit, second.data()));
    const SquareSum a = one.square_sum(operand.data(), gain.data(), count, shift, (1 << 17) - 1);
    const SquareSum b = other.square_sum(operand.data(), gain.data(), count, shift, (1 << 17) - 1);
    wrong += a.sum != b.sum || a.clamped != b.clamped;
    const AbsoluteMaximum m =
        one.scale_values(operand.data(), gain.data(), count, shift, limit, first.data());
    const AbsoluteMaximum n =
        other.scale_values(operand.data(), gain.data(), count, shift, limit, second.data());
    same(m.clamped + m.maximum, n.clamped + n.maximum);
    const int mantissa = between(random, 0, (1 << 17) - 1);
    one.encode(operand.data(), count, mantissa, shift + 10, first_codes.data());
    other.encode(operand.data(), count, mantissa, shift + 10, second_codes.data());
    wrong += first_codes != second_codes;
    const Scaling scaling = {mantissa, shift, limit};
    same(one.dequantise(operand.data(), count, scaling, first.data()),
         other.dequantise(operand.data(), count, scaling, second.data()));
    same(one.add_scaled(operand.data(), count, scaling, first.data()),
         other.add_scaled(operand.data(), count, scaling, second.data()));
    const double step = 1.0 / between(random, 1, 1 << 20);
    const double total =
        one.token_weights(operand.data(), count, 1 << 24, step, first_weights.data());
    wrong +=
        total != other.token_weights(operand.data(), count, 1 << 24, step, second_weights.data());
    wrong += first_weights != second_weights;
    return wrong;
}

int check(const Backend& backend, int rounds) {
    Random random(1);
    int wrong = 0;
    for (int round = 0; round < rounds; ++round) {
        wrong += check_dot(backend, random, between(random, 1, 100), between(random, 1, 700),
                           1 + round % kMaximumLanes);
        wrong += check_loops(backend.loops, kPortableBackend.loops, random);
    }
    wrong += check_dot(backend, random, 33, 8256, kMaximumLanes);  // the longest row
    std::printf("%s: %d products, %d numbers differ\n", backend.name, rounds + 1, wrong);
    return wrong;
}

}  // namespace
}  // namespace tritforge

int main(int count, char** arguments) {
    const int rounds = count > 1 ? std::stoi(arguments[1]) : 100;
    int wrong = 0;
    for (const tritforge::Backend* backend : tritforge::available_backends()) {
        wrong += tritforge::check(*backend, rounds);
    }
    return wrong == 0 ? 0 : 1;
}
