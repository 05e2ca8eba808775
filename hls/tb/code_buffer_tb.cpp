// SPDX-License-Identifier: Apache-2.0
//
// Test bench of code_buffer.hpp: groups in order for every tile, exact number of steps.
#include "bench.hpp"
#include "top.hpp"

namespace {

constexpr int kLanes = CodeBuffer::kLanes;
constexpr int kConsumers = CodeBuffer::kConsumers;

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t inputs = file.count("inputs");
    const std::size_t beats = file.count("beats");
    const std::size_t vectors = file.count("vectors");
    const std::size_t tiles = file.count("tiles");
    const auto codes = file.list("codes", kLanes * inputs * vectors);
    const std::size_t codes_per_group = kLanes * tritforge::kTritsPerByte;
    const auto expected = file.list("groups", tiles * beats * codes_per_group);

    hls::stream<CodeBuffer::HeaderWord> headers("headers");
    hls::stream<CodeBuffer::CodeWord> words("codes");
    hls::stream<CodeBuffer::CodeGroup> groups("groups");
    CodeBuffer::Header header;
    header.inputs = inputs;
    header.beats = beats;
    header.vectors = vectors;
    header.tiles = tiles;
    headers.write(header.to_word());
    for (std::size_t element = 0; element < kLanes * inputs; ++element) {
        CodeBuffer::CodeWord word = 0;
        for (std::size_t vector = 0; vector < vectors; ++vector) {
            const int low = 8 * static_cast<int>(vector);
            word.range(low + 7, low) = ap_uint<8>(codes[element * vectors + vector]);
        }
        words.write(word);
    }

    const std::size_t steps = 1 + tritforge::kTritsPerByte * beats * kLanes + kConsumers +
                              tritforge::kRamSettleSteps + beats * tiles;
    for (std::size_t step = 0; step < steps; ++step) {
        code_buffer(headers, words, groups);
    }

    checker.empty("codes left", words);
    checker.equal("groups after the documented steps", 0, beats * tiles, groups.size());
    for (std::size_t beat = 0; beat < beats * tiles && !groups.empty(); ++beat) {
        const CodeBuffer::CodeGroup word = groups.read();
        for (std::size_t slot = 0; slot < codes_per_group; ++slot) {
            const int low = 8 * static_cast<int>(slot);
            const ap_uint<8> bits = word.range(low + 7, low);
            const std::size_t index = beat * codes_per_group + slot;
            checker.equal("code", index, expected[index], ap_int<8>(bits).to_int());
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("code_buffer", argc, argv, run_case);
}
