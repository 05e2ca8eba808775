# SPDX-License-Identifier: Apache-2.0
"""A process of a machine as C++: its top function, streams, memories and registers."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

#: Column limit of .clang-format.
COLUMNS = 100


@dataclass(frozen=True)
class StreamPort:
    """A parameter of a top function.

    Attributes:
        word: C++ type of the words.
    """

    name: str
    word: str

    @property
    def parameter(self) -> str:
        """As the parameter list says it."""
        return f"hls::stream<{self.word}>& {self.name}"


#: C++ type of a word of a packet, TLAST above its data.
PACKET_WORD = "tritforge::StreamWord"


def unit_streams(unit: str, **words: str) -> tuple[StreamPort, ...]:
    """Streams of a unit's step().

    Args:
        unit: its struct.
        words: name of a stream -> type within the struct, or a full name with `::`.
    """
    return tuple(
        StreamPort(name, word if "::" in word else f"{unit}::{word}")
        for name, word in words.items()
    )


@dataclass(frozen=True)
class Memory:
    """A static RAM of a top function.

    Attributes:
        type: C++ type.
        count: C++ expression for the number of RAMs, or "" for a single one.
    """

    name: str
    type: str
    count: str = ""

    @property
    def declaration(self) -> str:
        """Name and array bounds."""
        return f"{self.type} {self.name}{f'[{self.count}]' if self.count else ''}"


@dataclass(frozen=True)
class Process:
    """One top function.

    Attributes:
        name: of the function, the header and the test bench.
        streams: in the order of the unit's step().
        registers: arrays of the state that are registers, not memories.
        stages: pipeline stages of its RTL in the open flow; with memories at least 3.
        config: struct of the constants that the unit is made with.
        meaning: one sentence.
    """

    name: str
    streams: tuple[StreamPort, ...]
    meaning: str
    memories: tuple[Memory, ...] = ()
    registers: tuple[str, ...] = ()
    stages: int = 1
    config: str = "Config"

    @property
    def unit(self) -> str:
        """Name of the unit's struct."""
        return unit_name(self.name)

    @property
    def parameters(self) -> str:
        """Parameter list of the function, one per line."""
        return ",\n    ".join(item.parameter for item in self.streams)

    @property
    def arguments(self) -> str:
        """Arguments of the unit's step(), wrapped."""
        streams, memories = (
            (item.name for item in self.streams),
            (item.name for item in self.memories),
        )
        names = ["state", *streams, *memories]
        return textwrap.fill(", ".join(names), COLUMNS - 8).replace("\n", "\n        ")


def unit_name(process: str) -> str:
    """`vector_unit` -> `VectorUnit`."""
    return process.title().replace("_", "")
