# SPDX-License-Identifier: Apache-2.0
"""One step of a process (or one pure function) as a graph, with all its ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from codegen.openhls.graph import Node


@dataclass(frozen=True)
class InputPort:
    """A value that is there in every step."""

    name: str
    width: int
    leaf: Node


@dataclass(frozen=True)
class OutputPort:
    """A value that every step gives."""

    name: str
    width: int
    value: Node


@dataclass(frozen=True)
class StreamRead:
    """The one read of an input stream; `condition` says whether the step makes it."""

    name: str
    width: int
    leaf: Node
    condition: Node


@dataclass(frozen=True)
class StreamWrite:
    """The one write of an output stream."""

    name: str
    width: int
    value: Node
    condition: Node


@dataclass(frozen=True)
class RamRead:
    """The read port of a RAM; `leaf` is what it returns."""

    leaf: Node
    address: Node
    condition: Node


@dataclass(frozen=True)
class RamWrite:
    """The write port of a RAM."""

    address: Node
    value: Node
    condition: Node


@dataclass(frozen=True)
class RamPorts:
    """A RAM outside the process.

    Attributes:
        width: bits per word.
        words: number of words.
        settle_steps: a step may read what the step so many before it wrote, or an earlier one.
    """

    name: str
    width: int
    words: int
    settle_steps: int
    read: RamRead
    write: RamWrite

    @property
    def address_width(self) -> int:
        """Bits of an address."""
        return max(1, (self.words - 1).bit_length())


@dataclass(frozen=True)
class StateElement:
    """A register: value after reset, value in this step and in the next one."""

    name: str
    width: int
    initial: int
    leaf: Node
    next_value: Node


@dataclass
class Step:
    """Everything about one step, in the order of the C++ parameters.

    Attributes:
        parameters: names of all C++ parameters.
    """

    name: str
    parameters: tuple[str, ...] = ()
    inputs: list[InputPort] = field(default_factory=list)
    outputs: list[OutputPort] = field(default_factory=list)
    reads: list[StreamRead] = field(default_factory=list)
    writes: list[StreamWrite] = field(default_factory=list)
    rams: list[RamPorts] = field(default_factory=list)
    state: list[StateElement] = field(default_factory=list)

    @property
    def is_function(self) -> bool:
        """Whether it is a pure function of its inputs."""
        return not (self.reads or self.writes or self.rams or self.state)

    def roots(self) -> Iterator[Node]:
        """Values that leave the step, but for the next state."""
        for output in self.outputs:
            yield output.value
        for read in self.reads:
            yield read.condition
        for write in self.writes:
            yield from (write.condition, write.value)
        for ram in self.rams:
            yield from (ram.read.condition, ram.read.address)
            yield from (ram.write.condition, ram.write.address, ram.write.value)
