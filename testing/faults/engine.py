# SPDX-License-Identifier: Apache-2.0
"""A saturation that is counted in silence: in the C++ engine, and in the golden model itself.

Both are compared number by number, so a flag that one of them does not raise is a difference.
"""

from __future__ import annotations

from testing.faults.fault import CaughtFault, Fault

_ENGINE = "engine/language_model/executor_operations.cpp"
_GOLDEN = "tritforge/language_model/golden"


def _test(name: str, seed: int, extremity: float, any_widths: bool, scale_exponent: int) -> str:
    """A case of the engine's tests, on the kernel that every processor has."""
    return (
        "tests/engine/test_bit_exact.py::test_extreme_parameters"
        f"[Case(name={name!r}, seed={seed}, extremity={extremity}, rows_per_beat=16, "
        f"any_widths={any_widths}, scale_exponent={scale_exponent})-portable]"
    )


#: Between them these reach every signal that can be reached at all.
_SCALES = _test("aligned", 1, 0.0, False, -128)
_SQUARES = _test("aligned", 4, 1.0, False, 12)
_WIDTHS = _test("aligned", 1, 0.1, True, 12)


def _engine(name: str, before: str, after: str, test: str = _SCALES) -> CaughtFault:
    return CaughtFault(Fault(f"engine_{name}", _ENGINE, before, after), test)


def _golden(name: str, module: str, before: str, after: str, test: str = _SCALES) -> CaughtFault:
    return CaughtFault(Fault(f"golden_{name}", f"{_GOLDEN}/{module}.py", before, after), test)


FAULTS = (
    _engine(
        "hides_multiplier",
        "multiplier_saturated[lane] = multiplier.saturated",
        "multiplier_saturated[lane] = false",
    ),
    _engine(
        "hides_square_sum",
        "square_sum_saturated[lane] = square_sum > largest",
        "square_sum_saturated[lane] = false",
        _SQUARES,
    ),
    _engine(
        "hides_square_operand",
        "Signal::kSquareOperand, lane, rows.thread, squares.clamped",
        "Signal::kSquareOperand, lane, rows.thread, 0",
    ),
    _engine(
        "hides_value",
        "Signal::kValue, lane, rows.thread, found.clamped",
        "Signal::kValue, lane, rows.thread, 0",
    ),
    _engine(
        "hides_candidate",
        "Signal::kPreactivationCandidate, lane, rows.thread, clamped_of[1]",
        "Signal::kPreactivationCandidate, lane, rows.thread, 0",
    ),
    _engine(
        "counts_the_forget_gate",
        "Signal::kPreactivationCandidate, lane, rows.thread, clamped_of[1]",
        "Signal::kPreactivationCandidate, lane, rows.thread, clamped_of[0]",
    ),
    _engine(
        "hides_silu_of_the_candidate",
        "Signal::kSiluCandidate, lane, rows.thread, clamped.silu",
        "Signal::kSiluCandidate, lane, rows.thread, 0",
    ),
    _engine(
        "hides_operand",
        "Signal::kOperand, lane, rows.thread, clamped.product",
        "Signal::kOperand, lane, rows.thread, 0",
    ),
    _engine(
        "hides_multiplicand",
        "multiplicand_signal, lane, rows.thread, clamped.multiplicand",
        "multiplicand_signal, lane, rows.thread, 0",
        _WIDTHS,
    ),
    _engine(
        "calls_residual_logit",
        "add_saturations(Signal::kResidual,",
        "add_saturations(Signal::kLogit,",
    ),
    _engine(
        "calls_logit_residual",
        "add_saturations(Signal::kLogit,",
        "add_saturations(Signal::kResidual,",
    ),
    _golden("hides_multiplier", "quantiser", "int(answer.saturated.sum())", "0"),
    _golden(
        "hides_square_sum", "quantiser", "int(np.count_nonzero(exact > largest))", "0", _SQUARES
    ),
    _golden(
        "calls_residual_operand",
        "vector_unit",
        "self._widths.residual, self._flags, Signal.RESIDUAL",
        "self._widths.residual, self._flags, Signal.OPERAND",
    ),
    _golden(
        "calls_operand_residual",
        "vector_unit",
        "self._widths.operand, self._flags, Signal.OPERAND",
        "self._widths.operand, self._flags, Signal.RESIDUAL",
    ),
    _golden("calls_logit_residual", "dequantiser", "flags, Signal.LOGIT", "flags, Signal.RESIDUAL"),
)
