// SPDX-License-Identifier: Apache-2.0
//
// Test bench of head.hpp: output packets word for word, exact number of steps.
#include "common/bench.hpp"
#include "common/packet.hpp"
#include "top.hpp"

namespace {

struct Streams {
    hls::stream<Head::HeaderWord> headers{"headers"};
    hls::stream<Head::Score> scores{"scores"};
    hls::stream<tritforge::StreamWord> output{"output"};
    hls::stream<Head::Status> status{"status"};

    void step() { head(headers, scores, output, status); }
};

/// A run without tokens is one that was aborted before the head's operation.
void write_headers(long long tokens, long long all_logits, Streams& streams) {
    Head::Header header = Head::Header::from_word(0);
    if (tokens != 0) {
        header.tokens = tokens;
        header.all_logits = all_logits;
        streams.headers.write(header.to_word());
    }
    header.end = 1;
    header.abort = tokens == 0;
    streams.headers.write(header.to_word());
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    const long long tokens = file.scalar("tokens");
    write_headers(tokens, file.scalar("all_logits"), streams);
    const auto sums = file.words("sums");
    const auto logits = file.list("logits", sums.size());
    for (std::size_t index = 0; index < sums.size(); ++index) {
        const Head::Sum sum = sums[index];
        const Head::Logit logit = logits[index];
        streams.scores.write(tritforge::pack_fields<Head::Score>(sum, logit));
    }
    const auto output = file.words("output");
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    tritforge_tb::check_packet("half of an output word", output, streams.output, checker);
    checker.empty("headers left", streams.headers);
    checker.empty("scores left", streams.scores);
}

}  // namespace

int main(int argc, char** argv) { return tritforge_tb::run_bench("head", argc, argv, run_case); }
