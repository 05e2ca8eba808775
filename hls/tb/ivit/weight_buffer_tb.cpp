// SPDX-License-Identifier: Apache-2.0
//
// Test bench of weight_buffer.hpp: runs of several operations, packets of a wrong length, steps.
#include "common/bench.hpp"
#include "common/packet.hpp"
#include "ivit/packed_lanes.hpp"
#include "top.hpp"

namespace {

struct Streams {
    hls::stream<WeightBuffer::HeaderWord> headers{"headers"};
    hls::stream<tritforge::StreamWord> words{"words"};
    hls::stream<WeightBuffer::FactorWord> factors{"factors"};
    hls::stream<WeightBuffer::GainWord> gains{"gains"};
    hls::stream<WeightBuffer::Rights> rights{"rights"};
    hls::stream<WeightBuffer::Status> status{"status"};

    void step() { weight_buffer(headers, words, factors, gains, rights, status); }
};

void write_headers(const std::vector<long long>& fields, Streams& streams) {
    WeightBuffer::Header header;
    for (std::size_t index = 0; index < fields.size(); index += 4) {
        header.kind = fields[index];
        header.slices = fields[index + 1];
        header.inputs = fields[index + 2];
        header.groups = fields[index + 3];
        streams.headers.write(header.to_word());
    }
    header = WeightBuffer::Header::from_word(0);
    header.kind = WeightBuffer::kEnd;
    streams.headers.write(header.to_word());
}

/// Bias, multiplier and shift of every channel.
template <class Multiplier, class Word>
void check_factors(const char* what, const std::vector<long long>& expected,
                   hls::stream<Word>& stream, tritforge_tb::Checker& checker) {
    checker.equal("number of factors", 0, static_cast<long long>(expected.size() / 3),
                  static_cast<long long>(stream.size()));
    for (std::size_t index = 0; index < expected.size() && !stream.empty(); index += 3) {
        WeightBuffer::Bias bias;
        Multiplier multiplier;
        WeightBuffer::Factor::Shift shift;
        tritforge::unpack_fields(stream.read(), bias, multiplier, shift);
        checker.equal(what, index, expected[index], bias.to_int64());
        checker.equal(what, index + 1, expected[index + 1], multiplier.to_int64());
        checker.equal(what, index + 2, expected[index + 2], shift.to_int64());
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_headers(file.words("headers"), streams);
    tritforge_tb::write_packet(file.words("words"), streams.words);
    const auto factors = file.words("factors");
    const auto gains = file.words("gains");
    const auto rights = file.words("rights");
    const auto length = file.list("length", 2);
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    check_factors<WeightBuffer::Factor::Multiplier>("factor", factors, streams.factors, checker);
    check_factors<WeightBuffer::Gain>("gain", gains, streams.gains, checker);
    tritforge_tb::check_lanes<WeightBuffer::kFeatures, WeightBuffer::kBits>(
        "weight", rights, streams.rights, checker);
    checker.bits("early and late", length, streams.status.read());
    checker.empty("headers left", streams.headers);
    checker.empty("words left", streams.words);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("weight_buffer", argc, argv, run_case);
}
