# SPDX-License-Identifier: Apache-2.0
"""Checks of values that come from a user or from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from tritforge.errors import ConfigurationError

#: Characters of a text in a header, at most.
MAXIMUM_TEXT_LENGTH = 2000


def is_integer(value: object) -> TypeGuard[int]:
    """Whether the value is an integer: JSON's 16.0 and true, equal to 16 and 1, are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether the value is an integer or a float, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
    number = plain_number(value)
    if not is_integer(number):
        raise ConfigurationError(
            f"{name} must be an integer from {minimum} to {maximum}, not {value!r}"
        )
    if not minimum <= number <= maximum:
        raise ConfigurationError(
            f"{name} = {number} is out of range: give an integer from {minimum} to {maximum}"
        )
    return number


def check_keys(what: str, given: Mapping[str, object], allowed: set[str]) -> None:
    """Check that a mapping from a file has exactly the allowed keys.

    Raises:
        ConfigurationError: names the missing and the unknown ones.
    """
    if set(given) != allowed:
        missing, unknown = sorted(allowed - set(given)), sorted(set(given) - allowed)
        raise ConfigurationError(f"{what}: missing {missing}, unknown {unknown}")


def is_short_text(value: object) -> bool:
    """Whether the value is text of a file that may reach a terminal: printable and not long."""
    return isinstance(value, str) and len(value) <= MAXIMUM_TEXT_LENGTH and value.isprintable()


def check_name(value: object) -> None:
    """Check the name of a model.

    Raises:
        ConfigurationError: it is no short printable text.
    """
    if not is_short_text(value):
        raise ConfigurationError(
            f"name = {value!r}: must be printable, at most {MAXIMUM_TEXT_LENGTH} characters"
        )


def check_source(source: object) -> None:
    """Check facts about a model's origin.

    Raises:
        ConfigurationError: anything but a dictionary of short printable texts.
    """
    if not isinstance(source, dict) or not all(
        is_short_text(key) and is_short_text(text) for key, text in source.items()
    ):
        raise ConfigurationError(
            f"source: must map names to printable strings of at most {MAXIMUM_TEXT_LENGTH} "
            "characters"
        )


def as_integer(name: str, value: object) -> int:
    """Return `value` if it is an integer and no truth value.

    Raises:
        ConfigurationError: names the parameter and the value.
    """
    if not is_integer(value):
        raise ConfigurationError(f"{name} must be an integer, not {value!r}")
    return value
