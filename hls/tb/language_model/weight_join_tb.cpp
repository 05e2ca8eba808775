// SPDX-License-Identifier: Apache-2.0
//
// Test bench of weight_join.hpp: beats, packets of wrong lengths, exact number of steps.
#include <array>
#include <utility>

#include "common/bench.hpp"
#include "common/packet.hpp"
#include "top.hpp"

namespace {

constexpr std::size_t kPorts = WeightJoin::kPorts;

struct Streams {
    hls::stream<WeightJoin::HeaderWord> headers{"headers"};
    hls::stream<WeightJoin::Beat> beats{"beats"};
    hls::stream<WeightJoin::Status> status{"status"};
    std::array<hls::stream<tritforge::StreamWord>, kPorts> ports;

    template <std::size_t... Port>
    void step_of(std::index_sequence<Port...>) {
        weight_join(headers, beats, status, ports[Port]...);
    }

    void step() { step_of(std::make_index_sequence<kPorts>()); }
};

void write_headers(const std::vector<long long>& fields, Streams& streams) {
    WeightJoin::Header header = WeightJoin::Header::from_word(0);
    for (std::size_t index = 0; index < fields.size(); index += 2) {
        header.beats = fields[index];
        header.tiles = fields[index + 1];
        streams.headers.write(header.to_word());
    }
    header.end = 1;
    streams.headers.write(header.to_word());
}

void check_beats(const std::vector<long long>& expected, Streams& streams,
                 tritforge_tb::Checker& checker) {
    checker.equal("number of beats", 0, expected.size() / kPorts, streams.beats.size());
    for (std::size_t index = 0; index < expected.size() && !streams.beats.empty();) {
        const WeightJoin::Beat beat = streams.beats.read();
        for (std::size_t port = 0; port < kPorts; ++port, ++index) {
            const int low = tritforge::kStreamBits * static_cast<int>(port);
            const tritforge::StreamData word = beat.range(low + tritforge::kStreamBits - 1, low);
            checker.equal("word of a beat", index, expected[index], word.to_int64());
        }
    }
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_headers(file.words("headers"), streams);
    for (std::size_t port = 0; port < kPorts; ++port) {
        tritforge_tb::write_packet(file.words("port_" + std::to_string(port)), streams.ports[port]);
    }
    const auto beats = file.words("beats");
    const auto status = file.list("status", 2 * kPorts);
    tritforge_tb::run_steps(file.count("steps"), streams, streams.status, checker);
    check_beats(beats, streams, checker);
    checker.bits("early or late", status, streams.status.read());
    checker.empty("headers left", streams.headers);
    for (const auto& port : streams.ports) {
        checker.empty("words left", port);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("weight_join", argc, argv, run_case);
}
