// SPDX-License-Identifier: Apache-2.0
//
// Test bench of sequencer.hpp: headers field by field, gains, bounds, results, exact number of
// steps.
#include "common/bench.hpp"
#include "common/packet.hpp"
#include "top.hpp"

namespace {

using Fields = std::vector<long long>;
constexpr int kConsumers = Quantiser::kConsumers;
constexpr int kGainBits = Quantiser::kGainBits;
/// Slots of a gain word that nobody looks at.
constexpr long long kAny = 1LL << 40;

struct Streams {
    hls::stream<Sequencer::CommandWord> commands{"commands"};
    hls::stream<tritforge::StreamWord> parameters{"parameters"};
    hls::stream<WeightJoin::Status> weight_status{"weight_status"};
    hls::stream<VectorUnit::Status> vector_status{"vector_status"};
    hls::stream<Quantiser::Status> quantiser_status{"quantiser_status"};
    hls::stream<Dequantiser::Status> dequantiser_status{"dequantiser_status"};
    hls::stream<ElementUnit::Status> element_status{"element_status"};
    hls::stream<Head::Status> head_status{"head_status"};
    hls::stream<WeightJoin::HeaderWord> weight_headers{"weight_headers"};
    hls::stream<VectorUnit::HeaderWord> vector_headers{"vector_headers"};
    hls::stream<Quantiser::HeaderWord> quantiser_headers{"quantiser_headers"};
    hls::stream<CodeBuffer::HeaderWord> code_headers{"code_headers"};
    hls::stream<TernaryArray::HeaderWord> array_headers{"array_headers"};
    hls::stream<Dequantiser::HeaderWord> dequantiser_headers{"dequantiser_headers"};
    hls::stream<ElementUnit::HeaderWord> element_headers{"element_headers"};
    hls::stream<Head::HeaderWord> head_headers{"head_headers"};
    hls::stream<Sequencer::GainWord> gains{"gains"};
    hls::stream<Sequencer::LowerBound> lower_bounds{"lower_bounds"};
    hls::stream<Sequencer::ResultWord> results{"results"};

    void step() {
        sequencer(commands, parameters, weight_status, vector_status, quantiser_status,
                  dequantiser_status, element_status, head_status, weight_headers, vector_headers,
                  quantiser_headers, code_headers, array_headers, dequantiser_headers,
                  element_headers, head_headers, gains, lower_bounds, results);
    }
};

Fields fields_of(const WeightJoin::Header& header) {
    return {header.end.to_int64(), header.beats.to_int64(), header.tiles.to_int64()};
}

Fields fields_of(const VectorUnit::Header& header) {
    return {header.end.to_int64(), header.source.to_int64(), header.inputs.to_int64(),
            header.operand_shift.to_int64()};
}

Fields fields_of(const Quantiser::Header& header) {
    Fields fields = {header.end.to_int64(),           header.inputs.to_int64(),
                     header.beats.to_int64(),         header.consumers.to_int64(),
                     header.has_norm_gain.to_int64(), header.square_shift.to_int64(),
                     header.square_offset.to_int64()};
    for (const Quantiser::Output& output : header.outputs) {
        fields.push_back(output.value_shift.to_int64());
        fields.push_back(output.scale_mantissa.to_int64());
        fields.push_back(output.scale_exponent.to_int64());
    }
    return fields;
}

Fields fields_of(const CodeBuffer::Header& header) {
    return {header.beats.to_int64(), header.vectors.to_int64(), header.tiles.to_int64()};
}

Fields fields_of(const TernaryArray::Header& header) {
    return {header.beats.to_int64(), header.tiles.to_int64()};
}

Fields fields_of(const Dequantiser::Header& header) {
    return {header.kind.to_int64(), header.tiles.to_int64()};
}

Fields fields_of(const ElementUnit::Header& header) {
    return {header.kind.to_int64(),         header.rows.to_int64(),
            header.forget_shift.to_int64(), header.argument_shift.to_int64(),
            header.prefill.to_int64(),      header.fresh.to_int64(),
            header.hold.to_int64()};
}

Fields fields_of(const Head::Header& header) {
    return {header.end.to_int64(), header.abort.to_int64(), header.all_logits.to_int64(),
            header.tokens.to_int64()};
}

template <class Header, class Word>
void check_headers(const std::string& name, const Fields& expected, hls::stream<Word>& stream,
                   tritforge_tb::Checker& checker) {
    std::size_t index = 0;
    while (!stream.empty()) {
        for (const long long field : fields_of(Header::from_word(stream.read()))) {
            if (index < expected.size()) {
                checker.equal((name + " header").c_str(), index, expected[index], field);
            }
            ++index;
        }
    }
    checker.equal((name + " header fields").c_str(), 0, expected.size(), index);
}

template <class Word>
void write_bits(const Fields& bits, hls::stream<Word>& stream) {
    Word word = 0;
    for (std::size_t index = 0; index < bits.size(); ++index) {
        word[static_cast<int>(index)] = bits[index] != 0;
    }
    stream.write(word);
}

void check_gains(const Fields& expected, Streams& streams, tritforge_tb::Checker& checker) {
    constexpr std::size_t kSlots = 1 + kConsumers;
    checker.equal("gain words", 0, expected.size() / kSlots, streams.gains.size());
    for (std::size_t index = 0; index < expected.size() && !streams.gains.empty();) {
        const Sequencer::GainWord word = streams.gains.read();
        for (std::size_t slot = 0; slot < kSlots; ++slot, ++index) {
            const int low = kGainBits * static_cast<int>(slot);
            const ap_uint<kGainBits> bits = word.range(low + kGainBits - 1, low);
            if (expected[index] != kAny) {
                checker.equal("gain", index, expected[index], ap_int<kGainBits>(bits).to_int64());
            }
        }
    }
}

void check_result(long long error, const Fields& saturated, const Fields& packets,
                  const Sequencer::ResultWord& word, tritforge_tb::Checker& checker) {
    Sequencer::Error found;
    Sequencer::Saturation saturation;
    Sequencer::PacketErrors packet_errors;
    tritforge::unpack_fields(word, found, saturation, packet_errors);
    checker.equal("error", 0, error, found.to_int64());
    checker.bits("saturated", saturated, saturation);
    checker.bits("packet early or late", packets, packet_errors);
}

void write_run(tritforge_tb::VectorFile& file, Streams& streams) {
    const auto fields = file.list("command", 4);
    Sequencer::Command command;
    command.prefill = fields[0];
    command.all_logits = fields[1];
    command.fresh = fields[2];
    command.hold = fields[3];
    streams.commands.write(command.to_word());
    tritforge_tb::write_packet(file.words("parameters"), streams.parameters);
    write_bits(file.words("weight_status"), streams.weight_status);
    write_bits(file.words("vector_status"), streams.vector_status);
    write_bits(file.words("quantiser_status"), streams.quantiser_status);
    write_bits(file.words("dequantiser_status"), streams.dequantiser_status);
    write_bits(file.words("element_status"), streams.element_status);
    streams.head_status.write(1);
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    Streams streams;
    write_run(file, streams);
    std::vector<Fields> headers;
    for (const char* name :
         {"weight", "vector", "quantiser", "code", "array", "dequantiser", "element", "head"}) {
        headers.push_back(file.words(std::string(name) + "_headers"));
    }
    const auto gains = file.words("gains");
    const auto lower_bounds = file.words("lower_bounds");
    const long long error = file.scalar("error");
    const auto saturated = file.words("saturated");
    const auto packets = file.words("packets");
    tritforge_tb::run_steps(file.count("steps"), streams, streams.results, checker);
    check_headers<WeightJoin::Header>("weight", headers[0], streams.weight_headers, checker);
    check_headers<VectorUnit::Header>("vector", headers[1], streams.vector_headers, checker);
    check_headers<Quantiser::Header>("quantiser", headers[2], streams.quantiser_headers, checker);
    check_headers<CodeBuffer::Header>("code", headers[3], streams.code_headers, checker);
    check_headers<TernaryArray::Header>("array", headers[4], streams.array_headers, checker);
    check_headers<Dequantiser::Header>("dequantiser", headers[5], streams.dequantiser_headers,
                                       checker);
    check_headers<ElementUnit::Header>("element", headers[6], streams.element_headers, checker);
    check_headers<Head::Header>("head", headers[7], streams.head_headers, checker);
    check_gains(gains, streams, checker);
    checker.words("lower bound", lower_bounds, streams.lower_bounds);
    check_result(error, saturated, packets, streams.results.read(), checker);
    checker.empty("parameters left", streams.parameters);
    checker.empty("head status left", streams.head_status);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("sequencer", argc, argv, run_case);
}
