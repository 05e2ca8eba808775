# SPDX-License-Identifier: Apache-2.0
"""Checks of values that come from a user or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from tritforge.errors import ConfigurationError


def is_integer(value: object) -> TypeGuard[int]:
    """Whether the value is an integer: JSON's 16.0 and true, equal to 16 and 1, are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether the value is an integer or a float, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_integer(name: str, value: object, minimum: int, maximum: int) -> int:
    """Return `value` if it is an integer within [minimum, maximum].

    Raises:
        ConfigurationError: names the parameter, the value and the allowed range.
    """
    if not is_integer(value):
        raise ConfigurationError(
            f"{name} must be an integer from {minimum} to {maximum}, not {value!r}"
        )
    if not minimum <= value <= maximum:
        raise ConfigurationError(
            f"{name} = {value} is out of range: give an integer from {minimum} to {maximum}"
        )
    return value


def check_keys(what: str, given: Mapping[str, object], allowed: set[str]) -> None:
    """Check that a mapping from a file has exactly the allowed keys.

    Raises:
        ConfigurationError: names the missing and the unknown ones.
    """
    if set(given) != allowed:
        missing, unknown = sorted(allowed - set(given)), sorted(set(given) - allowed)
        raise ConfigurationError(f"{what}: missing {missing}, unknown {unknown}")


def as_integer(name: str, value: object) -> int:
    """Return `value` if it is an integer and no truth value.

    Raises:
        ConfigurationError: names the parameter and the value.
    """
    if not is_integer(value):
        raise ConfigurationError(f"{name} must be an integer, not {value!r}")
    return value
