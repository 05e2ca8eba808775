// SPDX-License-Identifier: Apache-2.0
//
// Test bench of element_unit.hpp: tokens one after the other, flags, exact number of steps.
#include "common/bench.hpp"
#include "top.hpp"

namespace {

struct Streams {
    hls::stream<ElementUnit::HeaderWord> headers{"headers"};
    hls::stream<ElementUnit::Preactivation> activations{"activations"};
    hls::stream<ElementUnit::LowerBound> lower_bounds{"lower_bounds"};
    hls::stream<ElementUnit::Product> products{"products"};
    hls::stream<ElementUnit::Status> status{"status"};

    void step() { element_unit(headers, activations, lower_bounds, products, status); }
};

void write_headers(const std::vector<long long>& fields, Streams& streams) {
    constexpr std::size_t kFields = 7;
    ElementUnit::Header header = ElementUnit::Header::from_word(0);
    for (std::size_t index = 0; index < fields.size(); index += kFields) {
        header.kind = fields[index];
        header.rows = fields[index + 1];
        header.forget_shift = fields[index + 2];
        header.argument_shift = fields[index + 3];
        header.prefill = fields[index + 4];
        header.fresh = fields[index + 5];
        header.hold = fields[index + 6];
        streams.headers.write(header.to_word());
    }
    header.kind = tritforge::Config::kEndOfRun;
    streams.headers.write(header.to_word());
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_headers(file.words("headers"), streams);
    tritforge_tb::write_words(file.words("activations"), streams.activations);
    tritforge_tb::write_words(file.words("lower_bounds"), streams.lower_bounds);
    const auto products = file.words("products");
    const auto saturated = file.list("saturated", ElementUnit::kFlags);
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    checker.words("product", products, streams.products);
    checker.bits("saturated", saturated, streams.status.read());
    checker.empty("headers left", streams.headers);
    checker.empty("activations left", streams.activations);
    checker.empty("lower bounds left", streams.lower_bounds);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("element_unit", argc, argv, run_case);
}
