# SPDX-License-Identifier: Apache-2.0
"""Checks of values that come from a user or from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tritforge.errors import ConfigurationError


def plain_number(value: Any) -> Any:
    """The Python number of a NumPy scalar; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def settle_numbers(record: Any) -> None:
    """Replace NumPy scalars in the fields of a frozen dataclass, for its `__post_init__`.

    Ranges and counts often come from arrays; checks, JSON and hashes know Python's numbers only.
    """
    for item in dataclasses.fields(record):
        object.__setattr__(record, item.name, plain_number(getattr(record, item.name)))


def check_integer(name: str, value: object, minimum: int, maximum: int) -> int:
    """Return `value` if it is an integer within [minimum, maximum], NumPy's included.

    Raises:
        ConfigurationError: names the parameter, the value and the allowed range.
    """
    value = plain_number(value)
    if isinstance(value, bool) or not isinstance(value, int):
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
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be an integer, not {value!r}")
    return value
