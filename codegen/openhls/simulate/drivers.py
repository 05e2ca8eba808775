# SPDX-License-Identifier: Apache-2.0
"""The C++ drivers of simulations, and the text files by which they get and give words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

#: Headers that generated test programs include.
CPP_FOLDER = Path(__file__).resolve().parent / "cpp"


def driver_contents() -> list[bytes]:
    """Contents of all drivers, for the key of a cached program."""
    return [path.read_bytes() for path in sorted(CPP_FOLDER.iterdir())]


def words_text(names: Sequence[str], words: Mapping[str, Sequence[int]]) -> str:
    """Input file of a driver: one line `count hex hex ...` per name; no words if none are given."""
    lines = []
    for name in names:
        values = words.get(name, ())
        lines.append(" ".join([str(len(values)), *(f"{value:x}" for value in values)]))
    return "\n".join(lines) + "\n"


def numbers(line: str) -> list[int]:
    """The words in one line of an output file."""
    return [int(item, 16) for item in line.split()[1:]]
