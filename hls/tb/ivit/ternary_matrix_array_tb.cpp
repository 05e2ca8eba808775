// SPDX-License-Identifier: Apache-2.0
//
// Test bench of ternary_matrix_array.hpp: sums of every tile, exact number of steps.
#include <algorithm>

#include "common/bench.hpp"
#include "ivit/packed_lanes.hpp"
#include "top.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    constexpr int kColumns = TernaryMatrixArray::kColumns;
    constexpr int kNumbers = TernaryMatrixArray::kTokens * kColumns;
    constexpr int kDigits = TernaryMatrixArray::kFeatures * kColumns;
    constexpr int kResults = TernaryMatrixArray::kResults;
    constexpr std::size_t kDrain = TernaryMatrixArray::kDrainBeats;
    hls::stream<TernaryMatrixArray::HeaderWord> headers("headers");
    hls::stream<TernaryMatrixArray::Lefts> lefts("lefts");
    hls::stream<TernaryMatrixArray::Rights> rights("rights");
    hls::stream<TernaryMatrixArray::Sums> sums("sums");
    const std::size_t beats = file.count("beats");
    const std::size_t tiles = file.count("tiles");
    TernaryMatrixArray::Header header;
    header.beats = beats;
    header.tiles = tiles;
    headers.write(header.to_word());
    tritforge_tb::write_lanes<kNumbers, TernaryMatrixArray::kBits>(
        file.list("lefts", tiles * beats * kNumbers), lefts);
    tritforge_tb::write_lanes<kDigits, TernaryMatrixArray::kDigitBits>(
        file.list("rights", tiles * beats * kDigits), rights);
    const auto expected = file.list("sums", tiles * kDrain * kResults);
    const std::size_t steps = 1 + beats + (tiles - 1) * std::max(beats, kDrain) + kDrain;
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        ternary_matrix_array(headers, lefts, rights, sums);
    }
    checker.equal("words before the documented step", 0, tiles * kDrain - 1, sums.size());
    ternary_matrix_array(headers, lefts, rights, sums);
    tritforge_tb::check_lanes<kResults, TernaryMatrixArray::kSumBits>("sum", expected, sums,
                                                                      checker);
    checker.empty("headers left", headers);
    checker.empty("lefts left", lefts);
    checker.empty("rights left", rights);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("ternary_matrix_array", argc, argv, run_case);
}
