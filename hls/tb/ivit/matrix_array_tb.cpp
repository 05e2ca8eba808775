// SPDX-License-Identifier: Apache-2.0
//
// Test bench of matrix_array.hpp: sums of every tile, exact number of steps.
#include <algorithm>

#include "common/bench.hpp"
#include "ivit/packed_lanes.hpp"
#include "top.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    constexpr int kTokens = MatrixArray::kTokens, kFeatures = MatrixArray::kFeatures;
    constexpr int kResults = MatrixArray::kResults;
    constexpr std::size_t kDrain = MatrixArray::kDrainBeats;
    hls::stream<MatrixArray::HeaderWord> headers("headers");
    hls::stream<MatrixArray::Lefts> lefts("lefts");
    hls::stream<MatrixArray::Rights> rights("rights");
    hls::stream<MatrixArray::Sums> sums("sums");
    const std::size_t beats = file.count("beats");
    const std::size_t tiles = file.count("tiles");
    MatrixArray::Header header;
    header.beats = beats;
    header.tiles = tiles;
    header.second_digits = file.scalar("second_digits");
    headers.write(header.to_word());
    tritforge_tb::write_lanes<kTokens, MatrixArray::kLeftBits>(
        file.list("lefts", tiles * beats * kTokens), lefts);
    tritforge_tb::write_lanes<kFeatures, MatrixArray::kRightBits>(
        file.list("rights", tiles * beats * kFeatures), rights);
    const auto expected = file.list("sums", tiles * kDrain * kResults);
    const std::size_t steps = 1 + beats + (tiles - 1) * std::max(beats, kDrain) + kDrain;
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        matrix_array(headers, lefts, rights, sums);
    }
    checker.equal("words before the documented step", 0, tiles * kDrain - 1, sums.size());
    matrix_array(headers, lefts, rights, sums);
    tritforge_tb::check_lanes<kResults, MatrixArray::kSumBits>("sum", expected, sums, checker);
    checker.empty("headers left", headers);
    checker.empty("lefts left", lefts);
    checker.empty("rights left", rights);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("matrix_array", argc, argv, run_case);
}
