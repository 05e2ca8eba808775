// SPDX-License-Identifier: Apache-2.0
//
// Test bench of code_buffer.hpp: groups in order for every tile, exact number of steps.
#include "common/bench.hpp"
#include "language_model/code_group.hpp"
#include "top.hpp"

namespace {

using Group = CodeBuffer::CodeGroup;
constexpr std::size_t kCodes = tritforge_tb::kCodesOf<Group>;

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t beats = file.count("beats");
    const std::size_t vectors = file.count("vectors");
    const std::size_t tiles = file.count("tiles");
    const auto codes = file.list("groups", vectors * beats * kCodes);
    const auto expected = file.list("repeated", tiles * beats * kCodes);

    hls::stream<CodeBuffer::HeaderWord> headers("headers");
    hls::stream<Group> groups("groups");
    hls::stream<Group> repeated("repeated");
    CodeBuffer::Header header;
    header.beats = beats;
    header.vectors = vectors;
    header.tiles = tiles;
    headers.write(header.to_word());
    for (std::size_t word = 0; word < vectors * beats; ++word) {
        groups.write(tritforge_tb::code_group<Group>(codes, word));
    }

    const int settle = tiles > vectors ? tritforge::kRamSettleSteps : 0;
    for (std::size_t step = 0; step < 1 + beats * tiles + settle; ++step) {
        code_buffer(headers, groups, repeated);
    }

    checker.empty("groups left", groups);
    checker.equal("words after the documented steps", 0, beats * tiles, repeated.size());
    for (std::size_t word = 0; word < beats * tiles && !repeated.empty(); ++word) {
        const Group group = repeated.read();
        for (std::size_t slot = 0; slot < kCodes; ++slot) {
            const std::size_t index = word * kCodes + slot;
            checker.equal("code", index, expected[index], tritforge_tb::code_of(group, slot));
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("code_buffer", argc, argv, run_case);
}
