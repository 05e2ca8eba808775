# SPDX-License-Identifier: Apache-2.0
"""Checks of untrusted values: what counts as a number, and what a refusal says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tritforge.checks import as_integer, check_integer, check_keys, is_integer, is_number
from tritforge.errors import ConfigurationError

NO_NUMBERS = [True, False, None, "16", [16], {}, 1j]


@pytest.mark.parametrize("value", [0, 1, -1, 1 << 70])
def test_integers(value: int) -> None:
    assert is_integer(value)
    assert is_number(value)
    assert as_integer("x", value) == value


@pytest.mark.parametrize("value", [*NO_NUMBERS, 16.0, float("nan"), np.float32(1)])
def test_what_is_no_integer(value: object) -> None:
    assert not is_integer(value)
    with pytest.raises(ConfigurationError, match=f"x must be an integer, not {_quoted(value)}"):
        as_integer("x", value)
    with pytest.raises(
        ConfigurationError, match=f"x must be an integer from 1 to 99, not {_quoted(value)}"
    ):
        check_integer("x", value, 1, 99)


def _quoted(value: object) -> str:
    return re.escape(repr(value))


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number(value: object) -> None:
    assert not is_number(value)


def test_a_float_is_a_number() -> None:
    assert is_number(0.5)
    assert is_number(float("inf"))


@pytest.mark.parametrize("value", [-3, 0, 7])
def test_an_integer_in_its_range_comes_back(value: int) -> None:
    assert check_integer("x", value, -3, 7) == value


@pytest.mark.parametrize("value", [np.int64(7), np.uint8(7)])
def test_numpy_integers_become_plain(value: np.generic) -> None:
    assert type(check_integer("x", value, -3, 7)) is int
    with pytest.raises(ConfigurationError, match="x = 7 is out of range"):
        check_integer("x", value, 0, 6)


@pytest.mark.parametrize("value", [-4, 8, 1 << 70])
def test_an_integer_beyond_its_range_names_value_and_range(value: int) -> None:
    expected = f"x = {value} is out of range: give an integer from -3 to 7"
    with pytest.raises(ConfigurationError, match=expected):
        check_integer("x", value, -3, 7)


def test_keys_must_be_exactly_the_allowed_ones() -> None:
    check_keys("thing", {"a": 1, "b": 2}, {"a", "b"})
    check_keys("thing", {}, set())
    with pytest.raises(ConfigurationError) as error:
        check_keys("thing", {"b": 1, "z": 2, "y": 3}, {"a", "b", "c"})
    assert str(error.value) == "thing: missing ['a', 'c'], unknown ['y', 'z']"
