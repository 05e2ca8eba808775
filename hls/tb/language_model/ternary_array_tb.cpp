// SPDX-License-Identifier: Apache-2.0
//
// Test bench of ternary_array.hpp: whole operations, sums in order, exact number of steps.
#include <algorithm>

#include "common/bench.hpp"
#include "language_model/code_group.hpp"
#include "top.hpp"

namespace {

using Group = TernaryArray::CodeGroup;
constexpr std::size_t kRows = TernaryArray::kRows;
constexpr std::size_t kSums = kRows * TernaryArray::kLanes;

TernaryArray::Beat weight_beat(const std::vector<long long>& bytes, std::size_t beat) {
    TernaryArray::Beat word = 0;
    for (int row = 0; row < TernaryArray::kRows; ++row) {
        word.range(8 * row + 7, 8 * row) = ap_uint<8>(bytes[beat * kRows + row]);
    }
    return word;
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t beats = file.count("beats");
    const std::size_t tiles = file.count("tiles");
    const auto codes = file.list("codes", tiles * beats * tritforge_tb::kCodesOf<Group>);
    const auto bytes = file.list("weights", tiles * beats * kRows);
    const auto expected = file.list("sums", tiles * kSums);

    hls::stream<TernaryArray::HeaderWord> headers("headers");
    hls::stream<TernaryArray::Beat> weights("weights");
    hls::stream<Group> groups("groups");
    hls::stream<TernaryArray::Sum> sums("sums");
    TernaryArray::Header header;
    header.beats = beats;
    header.tiles = tiles;
    headers.write(header.to_word());
    for (std::size_t beat = 0; beat < tiles * beats; ++beat) {
        weights.write(weight_beat(bytes, beat));
        groups.write(tritforge_tb::code_group<Group>(codes, beat));
    }

    const std::size_t slower = std::max(beats, kSums);
    for (std::size_t step = 0; step < 1 + beats + (tiles - 1) * slower + kSums; ++step) {
        ternary_array(headers, weights, groups, sums);
    }

    checker.empty("weights left", weights);
    checker.empty("codes left", groups);
    checker.words("sum", expected, sums);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("ternary_array", argc, argv, run_case);
}
