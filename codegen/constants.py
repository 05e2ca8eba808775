# SPDX-License-Identifier: Apache-2.0
"""Constants of generated C++ headers: a number or a table, each with unit, range and meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """One `static constexpr int` of the header.

    Attributes:
        allowed: the range or the choices of a parameter; "derived" or "fixed" for the others.
    """

    name: str
    value: int
    unit: str
    allowed: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One `static constexpr int` array of the header: ROM contents."""

    name: str
    values: tuple[int, ...]
    meaning: str


def constant_name(name: str) -> str:
    """C++ name of a parameter or enumerator: `STREAM_LENGTH` becomes `kStreamLength`."""
    return "k" + name.title().replace("_", "")
