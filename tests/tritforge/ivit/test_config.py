# SPDX-License-Identifier: Apache-2.0
"""Parameters of Shiftmax and ShiftGELU: ranges, derived widths, and what trips when they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tritforge.errors import ConfigurationError
from tritforge.ivit.config import NUMERATOR
from tritforge.ivit.golden import (
    RowUnitConfig,
    ShiftgeluConfig,
    ShiftmaxConfig,
    shiftgelu,
    shiftmax,
)

KINDS = [ShiftmaxConfig, ShiftgeluConfig]

MISTAKES = [
    ({"row": 0}, "row = 0 is out of range: give an integer from 1 to 8192"),
    ({"row": 197.0}, "row must be an integer from 1 to 8192, not 197.0"),
    ({"input_bits": 3}, "input_bits = 3 is out of range: give an integer from 4 to 16"),
    ({"output_bits": 25}, "output_bits = 25 is out of range: give an integer from 4 to 24"),
    ({"n": 25}, "n = 25 is out of range: give an integer from 4 to 24"),
    ({"largest_x0": 0}, "largest_x0 = 0 is out of range: give an integer from 1 to 65535"),
    ({"elements": 3}, "elements = 3 is not available: choose one of 1, 2, 4, 8"),
    ({"n": 23, "largest_x0": 256}, "overflow 31 bits: give largest_x0 up to 255, or a smaller n"),
    ({"n": 15, "largest_x0": 65536}, "largest_x0 = 65536 is out of range"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_mistakes_name_value_range_and_fix(
    kind: type[RowUnitConfig], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kind(**{"row": 16, **values})


def test_defaults_of_n_are_those_of_upstream() -> None:
    assert (ShiftmaxConfig(1).n, ShiftgeluConfig(1).n) == (15, 23)


def test_derived_widths_of_a_known_configuration() -> None:
    config = ShiftmaxConfig(197, input_bits=8, output_bits=8, n=15, largest_x0=127)
    assert config.largest_argument == 255 + 128 - 16
    assert config.argument_bits == 9
    assert config.quotient_bits == 4
    assert config.mantissa_bits == 8  # 254
    assert config.exponential_bits == 22  # 127 * 2**15
    assert config.sum_bits == 30  # 197 * 127 * 2**15
    assert config.factor_bits == 16  # (2**31 - 1) >> 15
    assert config.result_bits == 7
    assert ShiftgeluConfig(197).result_bits == 15


@pytest.mark.parametrize("kind", KINDS)
def test_largest_x0_limit_is_tight(kind: type[RowUnitConfig]) -> None:
    for n in range(15, 25):
        largest = NUMERATOR >> n
        assert kind(1, n=n, largest_x0=min(largest, 65535)).largest_exponential <= NUMERATOR
        if largest < 65535:
            with pytest.raises(ConfigurationError, match=f"largest_x0 up to {largest},"):
                kind(1, n=n, largest_x0=largest + 1)


def test_the_sum_clamps_only_where_it_says_so() -> None:
    assert not ShiftmaxConfig(197, largest_x0=332).sum_can_clamp
    assert ShiftmaxConfig(197, largest_x0=333).sum_can_clamp
    assert not ShiftgeluConfig(197, largest_x0=127).sum_can_clamp
    assert ShiftgeluConfig(197, largest_x0=128).sum_can_clamp


def unchecked(kind: type[RowUnitConfig], **changes: int) -> Any:
    """A configuration that validation would refuse."""
    config = kind(row=16)
    for name, value in changes.items():
        object.__setattr__(config, name, value)
    return config


@pytest.mark.parametrize("x0_magnitude", [256, 257, 1000])
def test_width_assertions_trip_where_upstream_overflows_32_bits(x0_magnitude: int) -> None:
    config = unchecked(ShiftgeluConfig, n=23, largest_x0=x0_magnitude)
    with pytest.raises(AssertionError, match=r"exponential reaches .* outside 31 unsigned bits"):
        shiftgelu(np.array([[0, -3]]), x0_magnitude, config)


def test_the_largest_x0_that_does_not_overflow_does_not_trip() -> None:
    assert shiftgelu(np.array([[0, -3]]), 255, ShiftgeluConfig(16, largest_x0=255)).shape == (1, 2)


def with_width(kind: type[RowUnitConfig], name: str, bits: int) -> Any:
    """A configuration whose derived width `name` is wrong."""
    wrong = type("Wrong", (kind,), {name: property(lambda self: bits)})
    return wrong(row=16)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("argument_bits", "argument of the exponential"),
        ("mantissa_bits", "mantissa of the exponential"),
        ("exponential_bits", "exponential"),
        ("sum_bits", "sum of exponentials"),
        ("factor_bits", "reciprocal of the sum"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_width_assertion_can_trip(kind: type[RowUnitConfig], name: str, what: str) -> None:
    # The extremes reach the top bit of every width: one bit less must not do.
    rows = [
        np.array([[127, -128] * 8]),
        np.array([[-128] * 16]),
        np.array([[127]]),
        np.array([[9]]),
    ]
    function: Any = shiftmax if kind is ShiftmaxConfig else shiftgelu
    exact = kind(row=16)
    narrow = with_width(kind, name, getattr(exact, name) - 1)
    tripped = []
    for row in rows:
        for x0_magnitude in (1, exact.largest_x0):
            function(row, x0_magnitude, exact)
            try:
                function(row, x0_magnitude, narrow)
            except AssertionError as error:
                tripped.append(str(error))
    assert tripped
    assert all(message.startswith(what) for message in tripped)


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_outside_the_configuration_are_refused(kind: type[RowUnitConfig]) -> None:
    config: Any = kind(row=4, largest_x0=100)
    function: Any = shiftmax if kind is ShiftmaxConfig else shiftgelu
    row = np.array([[1, 2, 3]])
    with pytest.raises(ConfigurationError, match="x0_magnitude = 101 is out of range"):
        function(row, 101, config)
    with pytest.raises(ConfigurationError, match="x0_magnitude = 0 is out of range"):
        function(row, 0, config)
    with pytest.raises(ConfigurationError, match="row length = 5 is out of range"):
        function(np.zeros((2, 5), np.int64), 9, config)
    with pytest.raises(ConfigurationError, match=r"x reaches -129\.\.2, outside -128\.\.127"):
        function(np.array([[2, -129]]), 9, config)


def test_fingerprints_tell_units_and_parameters_apart() -> None:
    configs = [
        ShiftmaxConfig(16),
        ShiftmaxConfig(17),
        ShiftmaxConfig(16, n=23),
        ShiftgeluConfig(16),
    ]
    assert len({config.fingerprint() for config in configs}) == len(configs)
