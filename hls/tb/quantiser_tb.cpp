// SPDX-License-Identifier: Apache-2.0
//
// Test bench of quantiser.hpp, with the scalar unit as its partner: codes, scales, flags, steps.
#include "bench.hpp"
#include "top.hpp"

namespace {

constexpr int kSlots = 1 + Quantiser::kConsumers;

Quantiser::GainWord gain_word(const std::vector<long long>& gains, std::size_t element,
                              std::size_t consumers) {
    Quantiser::GainWord word = 0;
    for (int slot = 0; slot < kSlots; ++slot) {
        const int low = Quantiser::kGainBits * slot;
        // Slots not in use may hold anything.
        const bool used = static_cast<std::size_t>(slot) < 1 + consumers;
        const long long gain = used ? gains[element * (1 + consumers) + slot] : 12345;
        word.range(low + Quantiser::kGainBits - 1, low) = ap_uint<Quantiser::kGainBits>(gain);
    }
    return word;
}

struct Streams {
    hls::stream<Quantiser::HeaderWord> headers{"headers"};
    hls::stream<Quantiser::Operand> operands{"operands"};
    hls::stream<Quantiser::GainWord> gains{"gains"};
    hls::stream<Quantiser::RequestWord> requests{"requests"};
    hls::stream<Quantiser::ResponseWord> responses{"responses"};
    hls::stream<Quantiser::ScaleWord> scales{"scales"};
    hls::stream<Quantiser::CodeWord> codes{"codes"};
};

/// Runs the documented number of steps; the scalar unit answers a request before the next step.
ap_uint<2> run_steps(Streams& streams, std::size_t steps) {
    ap_uint<2> saturated = 0;
    for (std::size_t step = 0; step < steps; ++step) {
        quantiser(streams.headers, streams.operands, streams.gains, streams.requests,
                  streams.responses, streams.scales, streams.codes, saturated);
        while (!streams.requests.empty()) {
            const std::size_t answered = streams.responses.size();
            while (streams.responses.size() == answered) {
                scalar_unit(streams.requests, streams.responses);
            }
        }
    }
    return saturated;
}

void check_outputs(tritforge_tb::VectorFile& file, std::size_t inputs, std::size_t consumers,
                   Streams& streams, tritforge_tb::Checker& checker) {
    const auto scales = file.list("scales", 2 * consumers);
    checker.equal("number of scales", 0, consumers, streams.scales.size());
    for (std::size_t k = 0; k < consumers && !streams.scales.empty(); ++k) {
        const Quantiser::ScaleWord word = streams.scales.read();
        const Quantiser::Scalar::Multiplier multiplier =
            word.range(Quantiser::Scalar::kMultiplierBits - 1, 0);
        const Quantiser::Scalar::Shift shift =
            word.range(Quantiser::ScaleWord::width - 1, Quantiser::Scalar::kMultiplierBits);
        checker.equal("multiplier", k, scales[2 * k], multiplier.to_int64());
        checker.equal("shift", k, scales[2 * k + 1], shift.to_int64());
    }
    const auto codes = file.list("codes", inputs * consumers);
    checker.equal("number of codes", 0, inputs, streams.codes.size());
    for (std::size_t element = 0; element < inputs && !streams.codes.empty(); ++element) {
        const Quantiser::CodeWord word = streams.codes.read();
        for (std::size_t k = 0; k < Quantiser::kConsumers; ++k) {
            const int low = 8 * static_cast<int>(k);
            const ap_uint<8> bits = word.range(low + 7, low);
            const long long expected = k < consumers ? codes[element * consumers + k] : 0;
            checker.equal("code", element * consumers + k, expected, ap_int<8>(bits).to_int64());
        }
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t inputs = file.count("inputs");
    const std::size_t consumers = file.count("consumers");
    Quantiser::Header header;
    header.inputs = inputs;
    header.consumers = consumers;
    header.has_norm_gain = file.scalar("has_norm_gain");
    header.square_shift = file.scalar("square_shift");
    const auto shifts = file.list("value_shift", consumers);
    const auto mantissas = file.list("scale_mantissa", consumers);
    const auto exponents = file.list("scale_exponent", consumers);
    for (std::size_t k = 0; k < Quantiser::kConsumers; ++k) {
        header.outputs[k].value_shift = k < consumers ? shifts[k] : 0;
        header.outputs[k].scale_mantissa = k < consumers ? mantissas[k] : 0;
        header.outputs[k].scale_exponent = k < consumers ? exponents[k] : 0;
    }
    const auto operands = file.list("operand", inputs);
    const auto gains = file.list("gains", inputs * (1 + consumers));

    Streams streams;
    streams.headers.write(header.to_word());
    for (std::size_t element = 0; element < inputs; ++element) {
        streams.operands.write(operands[element]);
        streams.gains.write(gain_word(gains, element, consumers));
    }
    const ap_uint<2> saturated = run_steps(streams, 1 + inputs + 2 * consumers + inputs);
    check_outputs(file, inputs, consumers, streams, checker);
    checker.empty("operands left", streams.operands);
    checker.empty("gains left", streams.gains);

    // The unit's flags are sticky, so they show every saturation up to this case.
    static long long u_saturated = 0;
    static long long v_saturated = 0;
    const auto flags = file.list("saturated", 2);
    u_saturated |= flags[0];
    v_saturated |= flags[1];
    checker.equal("u saturated", 0, u_saturated, saturated[0]);
    checker.equal("v saturated", 0, v_saturated, saturated[1]);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("quantiser", argc, argv, run_case);
}
