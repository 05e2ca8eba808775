// SPDX-License-Identifier: Apache-2.0
//
// Test bench of requantise.hpp: results of every operation, exact number of steps.
#include "common/bench.hpp"
#include "ivit/packed_lanes.hpp"
#include "top.hpp"

namespace {

constexpr std::size_t kFeatures = Requantise::kFeatures;
constexpr std::size_t kTokens = Requantise::Array::kTokens;

/// Factors of every feature; one for all of them goes into the header.
void write_factors(tritforge_tb::VectorFile& file, Requantise::Header& header,
                   hls::stream<Requantise::FactorWord>& factors) {
    const std::size_t slices = header.slices.to_int();
    const std::size_t count = header.per_feature == 1 ? slices * kFeatures : slices;
    const auto bias = file.list("bias", count);
    const auto multiplier = file.list("multiplier", count);
    const auto shift = file.list("shift", count);
    header.factor.multiplier = multiplier[0];
    header.factor.shift = shift[0];
    for (std::size_t index = 0; header.per_feature == 1 && index < count; ++index) {
        Requantise::Factor factor;
        factor.multiplier = multiplier[index];
        factor.shift = shift[index];
        factors.write(tritforge::pack_fields<Requantise::FactorWord>(
            Requantise::Bias(bias[index]), factor.multiplier, factor.shift));
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    hls::stream<Requantise::HeaderWord> headers("headers");
    hls::stream<Requantise::FactorWord> factors("factors");
    hls::stream<Requantise::Sums> sums("sums");
    hls::stream<Requantise::Results> results("results");
    Requantise::Header header;
    const std::size_t slices = file.count("slices");
    const std::size_t last = file.count("last_features");
    const std::size_t groups = file.count("groups");
    header.slices = slices;
    header.last_features = last;
    header.groups = groups;
    header.width = file.scalar("width");
    header.per_feature = file.scalar("per_feature");
    write_factors(file, header, factors);
    headers.write(header.to_word());
    tritforge_tb::write_lanes<Requantise::kResults, Requantise::Array::kSumBits>(
        file.list("sums", slices * groups * kFeatures * kTokens), sums);
    const auto expected =
        file.list("results", ((slices - 1) * kFeatures + last) * groups * kTokens);
    const std::size_t words = groups * kFeatures * Requantise::Array::kParts;
    const std::size_t loading = header.per_feature == 1 ? kFeatures + Requantise::kSettleSteps : 0;
    for (std::size_t step = 0; step < 1 + slices * (loading + words); ++step) {
        requantise(headers, factors, sums, results);
    }
    tritforge_tb::check_lanes<Requantise::kResults, Requantise::kResultBits>("result", expected,
                                                                             results, checker);
    checker.empty("headers left", headers);
    checker.empty("factors left", factors);
    checker.empty("sums left", sums);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("requantise", argc, argv, run_case);
}
