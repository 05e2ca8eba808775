// SPDX-License-Identifier: Apache-2.0
//
// Test bench of the whole machine: packets and results of runs that follow each other.
#include <array>
#include <exception>
#include <utility>

#include "common/bench.hpp"
#include "machine.hpp"

namespace {

constexpr std::size_t kPorts = WeightJoin::kPorts;
/// The weight ports, then parameters, then residuals.
constexpr std::size_t kInputs = kPorts + 2;

using Words = std::vector<long long>;

std::string input_name(std::size_t input) {
    if (input < kPorts) {
        return "weights_" + std::to_string(input);
    }
    return input == kPorts ? "parameters" : "input";
}

struct Machine {
    hls::stream<MachineCommand> commands{"commands"};
    hls::stream<MachineResult> results{"results"};
    std::array<hls::stream<AxisBeat>, kInputs> inputs;
    hls::stream<AxisBeat> output{"output"};
    std::array<Words, kInputs> packets;  // of the last run

    Machine() { start(std::make_index_sequence<kInputs>()); }

  private:
    template <std::size_t... Input>
    void start(std::index_sequence<Input...>) {
        tritforge_machine_tasks(commands, results, inputs[Input]..., output);
    }
};

/// Tasks live as long as the program and hold on to their streams.
Machine& machine() {
    static Machine instance;
    return instance;
}

void send_packet(const Words& packet, std::size_t count, hls::stream<AxisBeat>& stream) {
    AxisBeat beat;
    beat.keep = -1;
    beat.strb = -1;
    for (std::size_t index = 0; index < count; ++index) {
        beat.data = packet[index];
        beat.last = index + 1 == count;
        stream.write(beat);
    }
}

/// @param halves  signed low and high half of every word
void check_output(const Words& halves, hls::stream<AxisBeat>& stream,
                  tritforge_tb::Checker& checker) {
    const std::size_t count = halves.size() / 2;
    for (std::size_t index = 0; index < count; ++index) {
        const AxisBeat beat = stream.read();
        const ap_int<32> low = beat.data.range(31, 0);
        const ap_int<32> high = beat.data.range(63, 32);
        checker.equal("half of an output word", 2 * index, halves[2 * index], low.to_int64());
        checker.equal("half of an output word", 2 * index + 1, halves[2 * index + 1],
                      high.to_int64());
        checker.equal("mark of the last word", index, index + 1 == count, beat.last.to_int64());
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Machine& top = machine();
    top.commands.write(MachineCommand(file.scalar("command")));
    const Words missing = file.list("missing_words", kInputs);
    for (std::size_t input = 0; input < kInputs; ++input) {
        const Words words = file.words(input_name(input));
        Words& packet = top.packets[input];
        if (!words.empty()) {
            packet = words;
        }
        send_packet(packet, packet.size() - static_cast<std::size_t>(missing[input]),
                    top.inputs[input]);
    }
    const Words output = file.words("output");
    const long long result = file.scalar("result");
    check_output(output, top.output, checker);
    checker.equal("result", 0, result, top.results.read().to_int64());
    checker.empty("output left", top.output);
    for (const auto& stream : top.inputs) {
        checker.empty("input left", stream);
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return tritforge_tb::run_bench("machine", argc, argv, run_case);
    } catch (const std::exception& error) {
        // A machine that does not go on: who waits for what.
        std::printf("machine: %s\n", error.what());
        return 1;
    }
}
