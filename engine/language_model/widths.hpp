// SPDX-License-Identifier: Apache-2.0
// Bit widths and fraction bits of every signal: tritforge.language_model.config.Widths with its
// ranges.
#pragma once

#include <map>
#include <string>

namespace tritforge::engine::language_model {

/// One member per field of tritforge.language_model.config.Widths, in its order.
struct Widths {
    int residual, gain, operand, square_operand, square_sum, value, reciprocal, root, multiplier;
    int code, accumulator, gate_operand, preactivation;
    int sigmoid_argument, sigmoid_argument_fraction, sigmoid_fraction;
    int activation, lower_bound, logit, logit_fraction;

    /// Fraction bits that a pre-activation has more than the SiLU of it, and than the state.
    int narrowing() const { return preactivation - activation; }
};

/// Name, member and allowed range of one width. The bounds below are what makes the 32-bit and
/// 64-bit arithmetic of the engine free of overflow; a test compares them with config.py.
struct WidthField {
    const char* name;
    int Widths::* member;
    int minimum, maximum;
};

inline constexpr WidthField kWidthFields[] = {
    {"residual", &Widths::residual, 16, 32},
    {"gain", &Widths::gain, 8, 16},
    {"operand", &Widths::operand, 16, 25},
    {"square_operand", &Widths::square_operand, 12, 18},
    {"square_sum", &Widths::square_sum, 36, 48},
    {"value", &Widths::value, 22, 25},
    {"reciprocal", &Widths::reciprocal, 12, 17},
    {"root", &Widths::root, 12, 17},
    {"multiplier", &Widths::multiplier, 12, 17},
    {"code", &Widths::code, 8, 8},
    {"accumulator", &Widths::accumulator, 12, 24},
    {"gate_operand", &Widths::gate_operand, 16, 21},
    {"preactivation", &Widths::preactivation, 18, 25},
    {"sigmoid_argument", &Widths::sigmoid_argument, 16, 20},
    {"sigmoid_argument_fraction", &Widths::sigmoid_argument_fraction, 10, 14},
    {"sigmoid_fraction", &Widths::sigmoid_fraction, 12, 16},
    {"activation", &Widths::activation, 18, 24},
    {"lower_bound", &Widths::lower_bound, 16, 16},
    {"logit", &Widths::logit, 24, 32},
    {"logit_fraction", &Widths::logit_fraction, 8, 16},
};

/// Largest width of a member that is allowed.
static inline constexpr int widest(int Widths::* member) {
    for (const WidthField& field : kWidthFields) {
        if (field.member == member) return field.maximum;
    }
    return 0;
}

/// The sigmoid is 1 from 16 on, which takes five integer bits to reach.
constexpr int kSigmoidArgumentIntegerBits = 5;

/// Check every width and the rules between them.
/// Throws std::invalid_argument: a width is missing, unknown or out of range.
Widths checked_widths(const std::map<std::string, long long>& values);

}  // namespace tritforge::engine::language_model
