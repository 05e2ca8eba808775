// SPDX-License-Identifier: Apache-2.0
//
// Test bench of ternary_array.hpp: whole operations, sums in order, exact number of steps.
#include <algorithm>

#include "bench.hpp"
#include "top.hpp"

namespace {

constexpr int kRows = TernaryArray::kRows;
constexpr int kLanes = TernaryArray::kLanes;

TernaryArray::CodeGroup group(const std::vector<long long>& codes, std::size_t vector,
                              std::size_t beat, std::size_t inputs) {
    TernaryArray::CodeGroup word = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
        for (int column = 0; column < tritforge::kTritsPerByte; ++column) {
            const std::size_t input = beat * tritforge::kTritsPerByte + column;
            const int low = 8 * (tritforge::kTritsPerByte * lane + column);
            // Columns beyond K have weight 0: their code must not matter, so it is not 0 here.
            const long long code =
                input < inputs ? codes[(vector * kLanes + lane) * inputs + input] : 99;
            word.range(low + 7, low) = ap_uint<8>(code);
        }
    }
    return word;
}

TernaryArray::Beat weight_beat(const std::vector<long long>& bytes, std::size_t beat) {
    TernaryArray::Beat word = 0;
    for (int row = 0; row < kRows; ++row) {
        word.range(8 * row + 7, 8 * row) = ap_uint<8>(bytes[beat * kRows + row]);
    }
    return word;
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t inputs = file.count("inputs");
    const std::size_t beats = file.count("beats");
    const std::size_t tiles = file.count("tiles");
    const std::size_t vectors = file.count("vectors");
    const auto codes = file.list("codes", vectors * kLanes * inputs);
    const auto bytes = file.list("weights", tiles * beats * kRows);
    const auto expected = file.list("sums", tiles * kRows * kLanes);

    hls::stream<TernaryArray::HeaderWord> headers("headers");
    hls::stream<TernaryArray::Beat> weights("weights");
    hls::stream<TernaryArray::CodeGroup> groups("groups");
    hls::stream<TernaryArray::SumWord> sums("sums");
    TernaryArray::Header header;
    header.beats = beats;
    header.tiles = tiles;
    headers.write(header.to_word());
    for (std::size_t tile = 0; tile < tiles; ++tile) {
        for (std::size_t beat = 0; beat < beats; ++beat) {
            weights.write(weight_beat(bytes, tile * beats + beat));
            groups.write(group(codes, tile % vectors, beat, inputs));
        }
    }

    const std::size_t slower = std::max<std::size_t>(beats, kRows);
    const std::size_t steps = 1 + beats + (tiles - 1) * slower + kRows;
    for (std::size_t step = 0; step < steps; ++step) {
        ternary_array(headers, weights, groups, sums);
    }

    checker.empty("weights left", weights);
    checker.empty("codes left", groups);
    for (std::size_t row = 0; row < tiles * kRows && !sums.empty(); ++row) {
        const TernaryArray::SumWord word = sums.read();
        for (int lane = 0; lane < kLanes; ++lane) {
            const int low = TernaryArray::kSumBits * lane;
            const ap_uint<TernaryArray::kSumBits> bits =
                word.range(low + TernaryArray::kSumBits - 1, low);
            const std::size_t index = row * kLanes + lane;
            checker.equal("sum", index, expected[index], TernaryArray::Sum(bits).to_int());
        }
        checker.equal("rows after the documented steps", row, tiles * kRows - row - 1, sums.size());
    }
    checker.empty("sums left", sums);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("ternary_array", argc, argv, run_case);
}
