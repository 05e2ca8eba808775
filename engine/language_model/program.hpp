// SPDX-License-Identifier: Apache-2.0
// The in-band program: operations with their gains, shifts and scales, parsed from the parameter
// stream and checked against the model shape (tritforge/language_model/program.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "language_model/model_shape.hpp"
#include "language_model/scalar_unit.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

enum class OperationKind { kEmbed = 1, kMix = 2, kProject = 3, kGlu = 4, kHead = 5 };

/// Most BitLinears that one quantised vector feeds, as in the hardware: each takes gains, a value
/// shift and a scale of its own, which are one entry of Operation::outputs.
constexpr int kConsumers = 3;

/// Allowed range of one header field; a test compares them with parameters.py.
struct FieldRange {
    const char* name;
    int minimum, maximum;
};
inline constexpr FieldRange kShiftRange = {"SHIFT_RANGE", 0, 47};
inline constexpr FieldRange kScaleExponentRange = {"SCALE_EXPONENT_RANGE", -128, 127};

/// Most fraction bits of a pre-activation below those of a sigmoid argument.
constexpr int kLargestArgumentShift = 15;

/// Allowed argument shifts of pre-activations, and of the forget gate
/// (Widths.argument_shifts and Widths.forget_shifts of tritforge/language_model/config.py).
FieldRange argument_shifts(const Widths& widths);
FieldRange forget_shifts(const Widths& widths);

/// One BitLinear fed by an operation's quantiser.
struct ScaledOutput {
    const std::int16_t* gain = nullptr;  ///< (K,) norm gain times the BitLinear's own gain
    int value_shift = 0;                 ///< bits dropped from t * gain to give v
    ScaledMantissa scale{};  ///< weight scale * sqrt(K) / 127 in units of the destination
};

/// One operation; see tritforge.language_model.program.Operation for the meaning of every field.
/// The vectors belong to a Program or an Engine.
struct Operation {
    OperationKind kind{};
    int layer = 0;
    int inputs = 0;
    int rows = 0;
    int matrices = 0;
    int input_shift = 0;
    int square_shift = 0;
    std::uint64_t square_offset = 0;
    int forget_shift = 0;
    int argument_shift = 0;
    const std::int16_t* norm_gain = nullptr;  ///< (K,) or null where the norm has no gain
    std::vector<ScaledOutput> outputs;
    const std::uint16_t* lower_bound = nullptr;  ///< (K,) words of forget_gate.hpp, MIX only
};

/// Which layers of a model a program has: as many as its shape says, from `first_layer` on. One
/// that does not begin with the first layer has no record of EMBED and begins with residuals.
struct ModelPart {
    int first_layer = 0;
    bool has_head = true;

    bool has_embedding() const { return first_layer == 0; }
};

/// A parsed parameter stream: operations and the vectors that they point to.
struct Program {
    std::vector<Operation> operations;
    std::vector<std::vector<std::int16_t>> gains;
    std::vector<std::vector<std::uint16_t>> lower_bounds;
};

/// Size of the parameter stream of a part of that shape.
std::size_t program_bytes(const ModelShape& shape, const ModelPart& part);

/// Parse the whole parameter stream of a part. Its first operation is EMBED in any case, and layers
/// count from 0.
/// Throws std::invalid_argument: a size, field or gain differs from what shape and widths allow.
Program parse_program(const std::uint8_t* stream, std::size_t bytes, const ModelShape& shape,
                      const ModelPart& part, const Widths& widths);

}  // namespace tritforge::engine::language_model
