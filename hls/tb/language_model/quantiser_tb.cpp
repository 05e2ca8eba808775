// SPDX-License-Identifier: Apache-2.0
//
// Test bench of quantiser.hpp, with the scalar unit as its partner: codes, scales, flags, steps.
#include "common/bench.hpp"
#include "language_model/code_group.hpp"
#include "top.hpp"

namespace {

using Group = Quantiser::CodeGroup;
constexpr std::size_t kLanes = Quantiser::kLanes;
constexpr std::size_t kRows = Quantiser::kRows;
constexpr std::size_t kConsumers = Quantiser::kConsumers;
constexpr std::size_t kSlots = 1 + kConsumers;
constexpr std::size_t kCodes = tritforge_tb::kCodesOf<Group>;

Quantiser::GainWord gain_word(const std::vector<long long>& gains, std::size_t element) {
    Quantiser::GainWord word = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
        const int low = Quantiser::kGainBits * static_cast<int>(slot);
        word.range(low + Quantiser::kGainBits - 1, low) =
            ap_uint<Quantiser::kGainBits>(gains[element * kSlots + slot]);
    }
    return word;
}

struct Streams {
    hls::stream<Quantiser::HeaderWord> headers{"headers"};
    hls::stream<Quantiser::Operand> operands{"operands"};
    hls::stream<Quantiser::GainWord> gains{"gains"};
    hls::stream<Quantiser::ResponseWord> responses{"responses"};
    hls::stream<Quantiser::RequestWord> requests{"requests"};
    hls::stream<Quantiser::ScaleWord> scales{"scales"};
    hls::stream<Group> groups{"groups"};
    hls::stream<Quantiser::Status> status{"status"};

    /// The scalar unit answers a request before the next step.
    void step() {
        quantiser(headers, operands, gains, responses, requests, scales, groups, status);
        while (!requests.empty()) {
            const std::size_t answered = responses.size();
            while (responses.size() == answered) {
                scalar_unit(requests, responses);
            }
        }
    }
};

Quantiser::Header read_header(tritforge_tb::VectorFile& file) {
    Quantiser::Header header;
    header.end = 0;
    header.inputs = file.count("inputs");
    header.beats = file.count("beats");
    header.consumers = file.scalar("consumers");
    header.has_norm_gain = file.scalar("has_norm_gain");
    header.square_shift = file.scalar("square_shift");
    header.square_offset = file.scalar("square_offset");
    const auto shifts = file.list("value_shift", kConsumers);
    const auto mantissas = file.list("scale_mantissa", kConsumers);
    const auto exponents = file.list("scale_exponent", kConsumers);
    for (std::size_t k = 0; k < kConsumers; ++k) {
        header.outputs[k].value_shift = shifts[k];
        header.outputs[k].scale_mantissa = mantissas[k];
        header.outputs[k].scale_exponent = exponents[k];
    }
    return header;
}

void check_scales(const std::vector<long long>& expected, Streams& streams,
                  tritforge_tb::Checker& checker) {
    checker.equal("number of scales", 0, expected.size() / 2, streams.scales.size());
    for (std::size_t index = 0; index < expected.size() / 2 && !streams.scales.empty(); ++index) {
        Quantiser::Scalar::Multiplier multiplier;
        Quantiser::Scalar::Shift shift;
        tritforge::unpack_fields(streams.scales.read(), multiplier, shift);
        checker.equal("multiplier", index, expected[2 * index], multiplier.to_int64());
        checker.equal("shift", index, expected[2 * index + 1], shift.to_int64());
    }
}

void check_codes(const std::vector<long long>& expected, std::size_t inputs, std::size_t beats,
                 Streams& streams, tritforge_tb::Checker& checker) {
    for (std::size_t word = 0; word < expected.size() / kCodes && !streams.groups.empty(); ++word) {
        const Group group = streams.groups.read();
        for (std::size_t slot = 0; slot < kCodes; ++slot) {
            const std::size_t column =
                word % beats * tritforge::kTritsPerByte + slot % tritforge::kTritsPerByte;
            if (column < inputs) {
                const std::size_t index = word * kCodes + slot;
                checker.equal("code", index, expected[index], tritforge_tb::code_of(group, slot));
            }
        }
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const Quantiser::Header header = read_header(file);
    const std::size_t inputs = header.inputs.to_uint64();
    const std::size_t beats = header.beats.to_uint64();
    const std::size_t consumers = header.consumers.to_uint64();
    const std::size_t tiles = (inputs + kRows - 1) / kRows;
    const auto operands = file.list("operands", tiles * kLanes * kRows);
    const auto gains = file.list("gains", consumers == 0 ? 0 : inputs * kSlots);
    const std::size_t steps = file.count("steps");
    const auto scales = file.list("scales", consumers * kLanes * 2);
    const auto codes = file.list("groups", consumers * beats * kCodes);
    const auto saturated = file.list("saturated", Quantiser::kFlags);

    Streams streams;
    streams.headers.write(header.to_word());
    tritforge_tb::write_words(operands, streams.operands);
    for (std::size_t element = 0; element < gains.size() / kSlots; ++element) {
        streams.gains.write(gain_word(gains, element));
    }
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        streams.step();
    }
    const std::size_t words = consumers * beats;
    checker.equal("words before the last step", 0, words == 0 ? 0 : words - 1,
                  streams.groups.size());
    streams.step();
    checker.equal("words after the documented steps", 0, words, streams.groups.size());
    checker.empty("operands left", streams.operands);
    checker.empty("gains left", streams.gains);
    check_scales(scales, streams, checker);
    check_codes(codes, inputs, beats, streams, checker);

    Quantiser::Header end = Quantiser::Header::from_word(0);
    end.end = 1;
    streams.headers.write(end.to_word());
    streams.step();
    checker.equal("status words", 0, 1, streams.status.size());
    checker.bits("saturated", saturated, streams.status.read());
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("quantiser", argc, argv, run_case);
}
