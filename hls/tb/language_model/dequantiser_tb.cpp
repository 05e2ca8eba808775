// SPDX-License-Identifier: Apache-2.0
//
// Test bench of dequantiser.hpp: runs of several operations, flags, exact number of steps.
#include "common/bench.hpp"
#include "top.hpp"

namespace {

struct Streams {
    hls::stream<Dequantiser::HeaderWord> headers{"headers"};
    hls::stream<Dequantiser::ScaleWord> scales{"scales"};
    hls::stream<Dequantiser::Sum> sums{"sums"};
    hls::stream<Dequantiser::Preactivation> activations{"activations"};
    hls::stream<Dequantiser::Scaled> increments{"increments"};
    hls::stream<Dequantiser::Score> scores{"scores"};
    hls::stream<Dequantiser::Status> status{"status"};

    void step() { dequantiser(headers, scales, sums, activations, increments, scores, status); }
};

void write_headers(const std::vector<long long>& fields, Streams& streams) {
    Dequantiser::Header header = Dequantiser::Header::from_word(0);
    for (std::size_t index = 0; index < fields.size(); index += 2) {
        header.kind = fields[index];
        header.tiles = fields[index + 1];
        streams.headers.write(header.to_word());
    }
    header.kind = tritforge::Config::kEndOfRun;
    streams.headers.write(header.to_word());
}

void write_scales(const std::vector<long long>& fields, Streams& streams) {
    for (std::size_t index = 0; index < fields.size(); index += 2) {
        const Dequantiser::Multiplier multiplier = fields[index];
        const Dequantiser::Shift shift = fields[index + 1];
        streams.scales.write(tritforge::pack_fields<Dequantiser::ScaleWord>(multiplier, shift));
    }
}

void check_scores(const std::vector<long long>& sums, const std::vector<long long>& logits,
                  Streams& streams, tritforge_tb::Checker& checker) {
    checker.equal("number of scores", 0, sums.size(), streams.scores.size());
    for (std::size_t index = 0; index < sums.size() && !streams.scores.empty(); ++index) {
        Dequantiser::Sum sum;
        Dequantiser::Logit logit;
        tritforge::unpack_fields(streams.scores.read(), sum, logit);
        checker.equal("sum of a score", index, sums[index], sum.to_int64());
        checker.equal("logit of a score", index, logits[index], logit.to_int64());
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_headers(file.words("headers"), streams);
    write_scales(file.words("scales"), streams);
    tritforge_tb::write_words(file.words("sums"), streams.sums);
    const auto activations = file.words("activations");
    const auto increments = file.words("increments");
    const auto score_sums = file.words("score_sums");
    const auto score_logits = file.list("score_logits", score_sums.size());
    const auto saturated = file.list("saturated", Dequantiser::kFlags);
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    checker.words("activation", activations, streams.activations);
    checker.words("increment", increments, streams.increments);
    check_scores(score_sums, score_logits, streams, checker);
    checker.bits("saturated", saturated, streams.status.read());
    checker.empty("headers left", streams.headers);
    checker.empty("scales left", streams.scales);
    checker.empty("sums left", streams.sums);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("dequantiser", argc, argv, run_case);
}
