# SPDX-License-Identifier: Apache-2.0
"""Faults of the vision transformer's HLS units, each noticed by the bench of its unit."""

from __future__ import annotations

from testing.faults.fault import UnitFault

FAULTS = (
    UnitFault(
        "wrong_logarithm",
        "hls/include/common/shift_exponential.hpp",
        "(x >> 4)",
        "(x >> 3)",
        "shiftmax",
    ),
    UnitFault(
        "limit_is_forgotten",
        "hls/include/common/shift_exponential.hpp",
        "magnitude > limit ? Magnitude(limit) : magnitude",
        "magnitude > limit ? magnitude : magnitude",
        "shiftmax",
    ),
    UnitFault(
        "sum_is_not_clamped",
        "hls/include/common/shift_exponential.hpp",
        "sum > kNumerator ? Sum(kNumerator) : Sum(sum)",
        "Sum(sum)",
        "shiftmax",
    ),
    UnitFault(
        "padding_counts",
        "hls/include/ivit/row_unit.hpp",
        "in_use(state, lane) && x",
        "x",
        "shiftmax",
    ),
    UnitFault(
        "division_rounds_wrong",
        "hls/include/common/sequential_divider.hpp",
        "trial >= divisor",
        "trial > divisor",
        "shiftmax",
    ),
    UnitFault(
        "wait_is_one_step_short",
        "hls/include/ivit/shiftmax.hpp",
        "state.settled == kSettleSteps",
        "state.settled == kSettleSteps - 1",
        "shiftmax",
    ),
    UnitFault(
        "sum_is_not_cleared", "hls/include/ivit/shiftmax.hpp", "state.sum = 0;", "", "shiftmax"
    ),
    UnitFault(
        "positive_arguments_are_truncated",
        "hls/include/ivit/shiftgelu.hpp",
        "const bool exact = remainder == 0;",
        "const bool exact = true;",
        "shiftgelu",
    ),
    UnitFault(
        "positive_limit_is_forgotten",
        "hls/include/ivit/shiftgelu.hpp",
        "limited = positive_limit;",
        "",
        "shiftgelu",
    ),
    UnitFault(
        "sign_of_the_offset_is_lost",
        "hls/include/ivit/shiftgelu.hpp",
        "state.positive = argument > 0;",
        "state.positive = false;",
        "shiftgelu",
    ),
)
