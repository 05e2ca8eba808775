// SPDX-License-Identifier: Apache-2.0
//
// Test bench of layer_norm.hpp: normalised rows, number of steps.
#include "ivit/overlapping_rows.hpp"
#include "ivit/row_unit_bench.hpp"
#include "top.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    LayerNorm::Command command;
    const std::size_t length = file.count("length");
    const std::size_t rows = file.count("rows");
    command.length = length;
    command.rows = rows;
    const auto bias_values = file.list("biases", length);
    const auto elements = file.list("inputs", rows * length);
    const auto expected = file.list("outputs", rows * length);
    const std::size_t words = (length + LayerNorm::kElements - 1) / LayerNorm::kElements;

    hls::stream<LayerNorm::CommandWord> commands("commands");
    hls::stream<LayerNorm::BiasWord> biases("biases");
    hls::stream<LayerNorm::InputWord> inputs("inputs");
    hls::stream<LayerNorm::OutputWord> outputs("outputs");
    commands.write(command.to_word());
    tritforge_tb::write_row<LayerNorm::kBiasBits, LayerNorm::kElements>(bias_values, 0, length,
                                                                        biases);
    for (std::size_t row = 0; row < rows; ++row) {
        tritforge_tb::write_row<LayerNorm::kInputBits, LayerNorm::kElements>(elements, row * length,
                                                                             length, inputs);
    }
    // The biases come in before the rows.
    const std::size_t steps = tritforge_tb::steps_of_rows(
        1 + words, words, rows, {LayerNorm::kScalarSteps}, 0, LayerNorm::kRoots);
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        layer_norm(commands, biases, inputs, outputs);
    }
    checker.equal("words before the last documented step", 0, rows * words - 1, outputs.size());
    layer_norm(commands, biases, inputs, outputs);
    checker.equal("words after the documented steps", 0, rows * words, outputs.size());
    for (std::size_t row = 0; row < rows; ++row) {
        tritforge_tb::check_row<ap_int<LayerNorm::kResultBits>, LayerNorm::kResultBits,
                                LayerNorm::kElements>(expected, row * length, length, outputs,
                                                      checker);
    }
    checker.empty("commands left", commands);
    checker.empty("biases left", biases);
    checker.empty("inputs left", inputs);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("layer_norm", argc, argv, run_case);
}
