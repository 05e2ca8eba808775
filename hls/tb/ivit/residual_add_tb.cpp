// SPDX-License-Identifier: Apache-2.0
//
// Test bench of residual_add.hpp: an embedding, two branches, then all tokens; number of steps.
#include "common/bench.hpp"
#include "ivit/packed_lanes.hpp"
#include "top.hpp"

namespace {

constexpr std::size_t kLanes = ResidualAdd::kTokens;
constexpr std::size_t kPlaces = ResidualAdd::kPlaces;
constexpr std::size_t kBranches = 3;
constexpr int kFactorNumbers = 4;

void write_headers(const std::vector<long long>& factors, std::size_t tokens, std::size_t features,
                   hls::stream<ResidualAdd::HeaderWord>& headers) {
    ResidualAdd::Header header;
    header.tokens = tokens;
    header.features = features;
    for (std::size_t branch = 0; branch < kBranches; ++branch) {
        const long long* factor = &factors[branch * kFactorNumbers];
        header.kind = branch == 0 ? ResidualAdd::kEmbed : ResidualAdd::kAdd;
        header.branch.multiplier = factor[0];
        header.branch.shift = factor[1];
        header.identity.multiplier = factor[2];
        header.identity.shift = factor[3];
        headers.write(header.to_word());
    }
    header.kind = ResidualAdd::kSend;
    headers.write(header.to_word());
}

/// Compares rows; what lies behind the end of a row is nobody's concern.
void check_rows(const std::vector<long long>& expected, std::size_t tokens, std::size_t features,
                hls::stream<ResidualAdd::Word>& elements, tritforge_tb::Checker& checker) {
    constexpr int kBits = ResidualAdd::Residual::width;
    checker.equal("number of words", 0,
                  static_cast<long long>(tokens * ((features + kPlaces - 1) / kPlaces)),
                  static_cast<long long>(elements.size()));
    for (std::size_t index = 0; index < tokens * features && !elements.empty();) {
        const ResidualAdd::Word word = elements.read();
        const std::size_t left = features - index % features;
        for (std::size_t place = 0; place < kPlaces && place < left; ++place, ++index) {
            const int low = kBits * static_cast<int>(place);
            const ap_uint<kBits> bits = word.range(low + kBits - 1, low);
            checker.equal("element", index, expected[index], ap_int<kBits>(bits).to_int64());
        }
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    constexpr int kResults = ResidualAdd::kResults;
    hls::stream<ResidualAdd::HeaderWord> headers("headers");
    hls::stream<ResidualAdd::Results> branches("branches");
    hls::stream<ResidualAdd::Constants> constants("constants");
    hls::stream<ResidualAdd::Word> elements("elements");
    const std::size_t tokens = file.count("tokens");
    const std::size_t features = file.count("features");
    const std::size_t padded = (tokens + kLanes - 1) / kLanes * kLanes;
    write_headers(file.list("factors", kBranches * kFactorNumbers), tokens, features, headers);
    tritforge_tb::write_lanes<kResults, ResidualAdd::kResultBits>(
        file.list("branches", kBranches * padded * features), branches);
    tritforge_tb::write_lanes<kResults, ResidualAdd::kIdentityBits>(
        file.list("constants", padded * features), constants);
    const auto expected = file.list("elements", tokens * features);
    const std::size_t words = padded * features / kResults;
    const std::size_t waiting = 1 + ResidualAdd::kSettleSteps;
    const std::size_t row_words = (features + kPlaces - 1) / kPlaces;
    const std::size_t steps = (kBranches + 1) * waiting + kBranches * words + tokens * row_words;
    for (std::size_t step = 0; step < steps; ++step) {
        residual_add(headers, branches, constants, elements);
    }
    check_rows(expected, tokens, features, elements, checker);
    checker.empty("headers left", headers);
    checker.empty("branches left", branches);
    checker.empty("constants left", constants);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("residual_add", argc, argv, run_case);
}
