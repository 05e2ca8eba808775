// SPDX-License-Identifier: Apache-2.0
// The signals that can saturate, and how often they did (SaturationFlags of the golden model).
// The ternary accumulator is not among them: the engine refuses rows that could overflow it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tritforge::engine::language_model {

enum class Signal : unsigned {
    kResidual,
    kOperand,
    kSquareOperand,
    kSquareSum,
    kValue,
    kMultiplier,
    kPreactivationCandidate,
    kPreactivationGate,
    kSiluCandidate,
    kSiluState,
    kSiluGate,
    kGateOperand,
    kUpOperand,
    kState,
    kLogit,
    kCount
};

constexpr std::size_t kSignals = static_cast<std::size_t>(Signal::kCount);

/// Names as the golden model counts them, in the order of `Signal`.
inline constexpr std::array<const char*, kSignals> kSignalNames = {
    "residual",
    "operand",
    "square_operand",
    "square_sum",
    "value",
    "multiplier",
    "preactivation_candidate",
    "preactivation_gate",
    "silu_candidate",
    "silu_state",
    "silu_gate",
    "gate_operand",
    "up_operand",
    "state",
    "logit",
};

/// Number of clamped elements per signal.
struct SaturationCounts {
    std::array<std::int64_t, kSignals> counts{};

    void add(Signal signal, std::int64_t clamped) {
        counts[static_cast<std::size_t>(signal)] += clamped;
    }

    void add(const SaturationCounts& other) {
        for (std::size_t i = 0; i < kSignals; ++i) counts[i] += other.counts[i];
    }
};

}  // namespace tritforge::engine::language_model
