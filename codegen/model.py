# SPDX-License-Identifier: Apache-2.0
"""A family of hardware that the generator can make: its options and what they choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codegen.blueprint import Blueprint

#: Parameter -> value, as far as given. Integers are checked by the configurations.
Given = Mapping[str, object]


@dataclass(frozen=True)
class Option:
    """One option of the command line.

    Attributes:
        name: of the parameter; `glu_width` is `--glu-width`.
        help: what it means, its range and its default.
        is_text: whether its value is a word, not an integer.
    """

    name: str
    help: str
    is_text: bool = False

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Model:
    """One choice of `--model`.

    Attributes:
        name: as it is typed.
        units: what `--units` can choose.
        options: an option of two models, such as `--dim`, means the same kind of thing in both.
        blueprint: the project of given parameters and units; no units: the whole machine. It
            raises ConfigurationError with the bad value, its range and the fix.
    """

    name: str
    units: tuple[str, ...]
    options: tuple[Option, ...]
    blueprint: Callable[[Given, tuple[str, ...]], Blueprint]


def span(limits: tuple[int, int]) -> str:
    """A range as help texts say it."""
    return f"{limits[0]} to {limits[1]}"


def listed(values: Sequence[object]) -> str:
    """Choices as help texts say them."""
    return ", ".join(map(str, values))
