// SPDX-License-Identifier: Apache-2.0
//
// Test bench of vector_unit.hpp: runs of several vectors, packets of wrong lengths, exact number
// of steps.
#include "common/bench.hpp"
#include "common/packet.hpp"
#include "top.hpp"

namespace {

struct Streams {
    hls::stream<VectorUnit::HeaderWord> headers{"headers"};
    hls::stream<tritforge::StreamWord> input{"input"};
    hls::stream<VectorUnit::Increment> increments{"increments"};
    hls::stream<VectorUnit::Product> products{"products"};
    hls::stream<VectorUnit::Operand> operands{"operands"};
    hls::stream<VectorUnit::Status> status{"status"};

    void step() { vector_unit(headers, input, increments, products, operands, status); }
};

void write_headers(const std::vector<long long>& fields, Streams& streams) {
    constexpr std::size_t kFields = 3;
    VectorUnit::Header header = VectorUnit::Header::from_word(0);
    for (std::size_t index = 0; index < fields.size(); index += kFields) {
        header.source = fields[index];
        header.inputs = fields[index + 1];
        header.operand_shift = fields[index + 2];
        streams.headers.write(header.to_word());
    }
    header.end = 1;
    streams.headers.write(header.to_word());
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_headers(file.words("headers"), streams);
    tritforge_tb::write_packet(file.words("input"), streams.input);
    tritforge_tb::write_words(file.words("increments"), streams.increments);
    tritforge_tb::write_words(file.words("products"), streams.products);
    const auto operands = file.words("operands");
    const auto status = file.list("status", VectorUnit::kFlags);
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    checker.words("operand", operands, streams.operands);
    checker.bits("status", status, streams.status.read());
    checker.empty("headers left", streams.headers);
    checker.empty("input left", streams.input);
    checker.empty("increments left", streams.increments);
    checker.empty("products left", streams.products);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("vector_unit", argc, argv, run_case);
}
