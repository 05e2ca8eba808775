// SPDX-License-Identifier: Apache-2.0
#include "language_model/program.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "common/checked_fields.hpp"
#include "common/fixed_point.hpp"

namespace tritforge::engine::language_model {
namespace {

constexpr unsigned kRecordMagic = 0x5446;
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kWordBytes = 8;

// Byte offsets of the header fields (RECORD_HEADER in tritforge/language_model/program.py).
constexpr std::size_t kMagicAt = 0, kKindAt = 2, kOutputsAt = 3, kLayerAt = 4, kHasNormGainAt = 6,
                      kMatricesAt = 7, kInputsAt = 8, kRowsAt = 12, kPayloadBytesAt = 16,
                      kInputShiftAt = 20, kSquareShiftAt = 22, kOutputAt = 24, kSquareOffsetAt = 48,
                      kForgetShiftAt = 56, kArgumentShiftAt = 57, kReservedAt = 58;
// Offsets inside one output slot.
constexpr std::size_t kOutputBytes = 8, kMantissaAt = 0, kExponentAt = 4, kValueShiftAt = 6;

/// Range of a field that the operation does not use.
constexpr FieldRange kUnused = {"", 0, 0};

/// What the model shape alone fixes of an operation
/// (tritforge.language_model.program.OperationShape).
struct OperationShape {
    OperationKind kind;
    int layer, inputs, rows, matrices, outputs;
    bool has_norm_gain;

    bool has_lower_bound() const { return kind == OperationKind::kMix; }
    int gains_per_input() const { return outputs + (has_norm_gain ? 1 : 0); }
    std::size_t gain_bytes() const {
        return std::size_t{2} * static_cast<std::size_t>(inputs) *
               static_cast<std::size_t>(gains_per_input());
    }
    std::size_t payload_bytes() const;
};

std::size_t padded(std::size_t bytes) { return (bytes + kWordBytes - 1) / kWordBytes * kWordBytes; }

std::size_t OperationShape::payload_bytes() const {
    const std::size_t bound = std::size_t{2} * static_cast<std::size_t>(inputs);
    return padded(gain_bytes()) + (has_lower_bound() ? padded(bound) : 0);
}

OperationShape embed_shape(const ModelShape& shape) {
    return {OperationKind::kEmbed, 0, shape.dim, shape.vocabulary, 0, 0, false};
}

/// Operations that have a record.
std::vector<OperationShape> operation_shapes(const ModelShape& shape, const ModelPart& part) {
    using Kind = OperationKind;
    const int dim = shape.dim, glu = shape.glu_width;
    std::vector<OperationShape> program;
    if (part.has_embedding()) program.push_back(embed_shape(shape));
    for (int index = 0; index < shape.layers; ++index) {
        const int layer = part.first_layer + index;
        program.push_back({Kind::kMix, layer, dim, dim, 3, 3, true});
        program.push_back({Kind::kProject, layer, dim, dim, 1, 1, true});
        program.push_back({Kind::kGlu, layer, dim, glu, 2, 1, true});
        program.push_back({Kind::kProject, layer, glu, dim, 1, 1, false});
    }
    if (part.has_head) program.push_back({Kind::kHead, 0, dim, shape.vocabulary, 1, 1, true});
    return program;
}

/// Little-endian integer of type T at an offset, on hosts of either byte order.
template <typename T>
T read(const std::uint8_t* bytes, std::size_t offset) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= std::uint64_t{bytes[offset + i]} << (8 * i);
    }
    return static_cast<T>(value);
}

/// One record of the stream, whose size is already known to be right.
class RecordReader {
  public:
    RecordReader(const std::uint8_t* record, std::size_t position, const Widths& widths)
        : record_(record),
          widths_(widths),
          where_("parameter stream, record at byte " + std::to_string(position) + ": ") {}

    /// Adds the operation and its vectors to the program.
    void parse(const OperationShape& expected, Program& program) const {
        check_fixed(expected);
        check_padding(expected);
        Operation operation;
        operation.kind = expected.kind;
        operation.layer = expected.layer;
        operation.inputs = expected.inputs;
        operation.rows = expected.rows;
        operation.matrices = expected.matrices;
        const bool is_embed = expected.kind == OperationKind::kEmbed;
        const FieldRange& shifts = is_embed ? kUnused : kShiftRange;
        operation.input_shift =
            field("input_shift", read<std::uint16_t>(record_, kInputShiftAt), shifts);
        operation.square_shift =
            field("square_shift", read<std::uint16_t>(record_, kSquareShiftAt), shifts);
        operation.square_offset = square_offset(is_embed);
        const bool is_mix = expected.kind == OperationKind::kMix;
        const bool has_gate = is_mix || expected.kind == OperationKind::kGlu;
        operation.forget_shift = field("forget_shift", record_[kForgetShiftAt],
                                       is_mix ? forget_shifts(widths_) : kUnused);
        operation.argument_shift = field("argument_shift", record_[kArgumentShiftAt],
                                         has_gate ? argument_shifts(widths_) : kUnused);
        const int first = expected.has_norm_gain ? 1 : 0;
        const auto keep_gains = [&](int index) {
            program.gains.push_back(gains(expected, index));
            return program.gains.back().data();
        };
        if (expected.has_norm_gain) operation.norm_gain = keep_gains(0);
        for (int index = 0; index < kConsumers; ++index) {
            const bool used = index < expected.outputs;
            ScaledOutput output = parse_output(index, used);
            if (!used) continue;
            output.gain = keep_gains(first + index);
            operation.outputs.push_back(output);
        }
        if (expected.has_lower_bound()) {
            program.lower_bounds.push_back(lower_bound(expected));
            operation.lower_bound = program.lower_bounds.back().data();
        }
        program.operations.push_back(std::move(operation));
    }

  private:
    void check_fixed(const OperationShape& expected) const {
        equal("magic", read<std::uint16_t>(record_, kMagicAt), kRecordMagic);
        equal("kind", record_[kKindAt], static_cast<std::uint64_t>(expected.kind));
        equal("outputs", record_[kOutputsAt], static_cast<std::uint64_t>(expected.outputs));
        equal("layer", read<std::uint16_t>(record_, kLayerAt),
              static_cast<std::uint64_t>(expected.layer));
        equal("has_norm_gain", record_[kHasNormGainAt], expected.has_norm_gain ? 1 : 0);
        equal("matrices", record_[kMatricesAt], static_cast<std::uint64_t>(expected.matrices));
        equal("inputs", read<std::uint32_t>(record_, kInputsAt),
              static_cast<std::uint64_t>(expected.inputs));
        equal("rows", read<std::uint32_t>(record_, kRowsAt),
              static_cast<std::uint64_t>(expected.rows));
        equal("payload_bytes", read<std::uint32_t>(record_, kPayloadBytesAt),
              expected.payload_bytes());
        for (std::size_t at = kReservedAt; at < kHeaderBytes; ++at) {
            if (record_[at] != 0) {
                throw std::invalid_argument(where_ + "reserved bytes are not zero");
            }
        }
    }

    std::uint64_t square_offset(bool is_embed) const {
        const std::uint64_t value = read<std::uint64_t>(record_, kSquareOffsetAt);
        const std::uint64_t limit = is_embed ? 0 : (std::uint64_t{1} << widths_.square_sum) - 1;
        if (value > limit) {
            throw std::invalid_argument(where_ + "square_offset is " + std::to_string(value) +
                                        ", allowed are 0 to " + std::to_string(limit));
        }
        return value;
    }

    ScaledOutput parse_output(int index, bool used) const {
        const FieldRange mantissas = {"", 0, (1 << widths_.multiplier) - 1};
        const std::uint8_t* slot =
            record_ + kOutputAt + kOutputBytes * static_cast<std::size_t>(index);
        ScaledOutput output;
        output.value_shift = field("value_shift", read<std::uint16_t>(slot, kValueShiftAt),
                                   used ? kShiftRange : kUnused);
        output.scale.mantissa = field("scale_mantissa", read<std::uint32_t>(slot, kMantissaAt),
                                      used ? mantissas : kUnused);
        output.scale.exponent = field("scale_exponent", read<std::int16_t>(slot, kExponentAt),
                                      used ? kScaleExponentRange : kUnused);
        return output;
    }

    /// Gains and lower bounds are each padded with zeros to whole words.
    void check_padding(const OperationShape& expected) const {
        const std::size_t gains_end = kHeaderBytes + expected.gain_bytes();
        const std::size_t bounds = kHeaderBytes + padded(expected.gain_bytes());
        const std::size_t bounds_end =
            bounds +
            (expected.has_lower_bound() ? 2 * static_cast<std::size_t>(expected.inputs) : 0);
        bool is_zero = true;
        for (std::size_t at = gains_end; at < bounds; ++at) is_zero &= record_[at] == 0;
        for (std::size_t at = bounds_end; at < kHeaderBytes + expected.payload_bytes(); ++at) {
            is_zero &= record_[at] == 0;
        }
        if (!is_zero) throw std::invalid_argument(where_ + "padding of the payload is not zero");
    }

    /// One of the gains that lie side by side for each input element.
    std::vector<std::int16_t> gains(const OperationShape& expected, int index) const {
        std::vector<std::int16_t> result(static_cast<std::size_t>(expected.inputs));
        const auto stride = static_cast<std::size_t>(expected.gains_per_input());
        const std::int64_t limit = symmetric_limit(widths_.gain);
        for (std::size_t i = 0; i < result.size(); ++i) {
            result[i] = read<std::int16_t>(
                record_, kHeaderBytes + 2 * (i * stride + static_cast<std::size_t>(index)));
            check_range(where_ + "a gain", result[i], -limit, limit);
        }
        return result;
    }

    std::vector<std::uint16_t> lower_bound(const OperationShape& expected) const {
        std::vector<std::uint16_t> result(static_cast<std::size_t>(expected.inputs));
        const std::size_t start = kHeaderBytes + padded(expected.gain_bytes());
        for (std::size_t i = 0; i < result.size(); ++i) {
            result[i] = read<std::uint16_t>(record_, start + 2 * i);
        }
        return result;
    }

    void equal(const char* name, std::uint64_t value, std::uint64_t expected) const {
        if (value != expected) {
            throw std::invalid_argument(where_ + name + " is " + std::to_string(value) +
                                        ", expected " + std::to_string(expected));
        }
    }

    int field(const char* name, long long value, const FieldRange& allowed) const {
        check_range(where_ + name, value, allowed.minimum, allowed.maximum);
        return static_cast<int>(value);
    }

    const std::uint8_t* record_;
    const Widths& widths_;
    const std::string where_;
};

}  // namespace

FieldRange argument_shifts(const Widths& widths) {
    return {"argument_shift", std::max(widths.narrowing(), 0), kLargestArgumentShift};
}

FieldRange forget_shifts(const Widths& widths) {
    const int room = widths.preactivation - 1 - kSigmoidArgumentIntegerBits;
    return {"forget_shift", 0,
            std::min(room - widths.sigmoid_argument_fraction, kLargestArgumentShift)};
}

std::size_t program_bytes(const ModelShape& shape, const ModelPart& part) {
    std::size_t total = 0;
    for (const OperationShape& item : operation_shapes(shape, part)) {
        total += kHeaderBytes + item.payload_bytes();
    }
    return total;
}

Program parse_program(const std::uint8_t* stream, std::size_t bytes, const ModelShape& shape,
                      const ModelPart& part, const Widths& widths) {
    const std::vector<OperationShape> shapes = operation_shapes(shape, part);
    const std::size_t expected_bytes = program_bytes(shape, part);
    if (bytes != expected_bytes) {
        throw std::invalid_argument("parameter stream has " + std::to_string(bytes) +
                                    " bytes, the shape needs " + std::to_string(expected_bytes));
    }
    Program program;
    program.operations.reserve(shapes.size() + 1);
    if (!part.has_embedding()) {
        const OperationShape source = embed_shape(shape);
        Operation operation;
        operation.kind = source.kind;
        operation.inputs = source.inputs;
        operation.rows = source.rows;
        program.operations.push_back(std::move(operation));
    }
    std::size_t position = 0;
    for (const OperationShape& item : shapes) {
        RecordReader(stream + position, position, widths).parse(item, program);
        const bool is_of_a_layer =
            item.kind != OperationKind::kEmbed && item.kind != OperationKind::kHead;
        if (is_of_a_layer) program.operations.back().layer -= part.first_layer;
        position += kHeaderBytes + item.payload_bytes();
    }
    return program;
}

}  // namespace tritforge::engine::language_model
