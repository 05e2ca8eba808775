# SPDX-License-Identifier: Apache-2.0
"""Byte-addressed memory of one step: local and static variables, ports and constant tables.

Every byte belongs to a segment, the value stored last over it. Loads put slices of segments
together; a store under a condition stores a multiplexer. A load does not see the stores of a branch
that never runs in the same step: they would only make paths that no step takes. An index that
varies becomes a multiplexer over all places it can reach.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Union

from codegen.openhls.graph import GraphBuilder, Node

#: Places a varying index may reach in registers; a constant table may have more entries.
MAXIMUM_CHOICES = 2048
MAXIMUM_TABLE = 65_536


class MemoryKind(enum.Enum):
    """What an object is."""

    LOCAL = "local variable"
    STATE = "static"
    TABLE = "constant table"
    INPUT = "input"
    OUTPUT = "output"
    HANDLE = "stream or RAM"


@dataclass(frozen=True)
class Segment:
    """A value and the byte it starts at; its width is a multiple of 8.

    Attributes:
        block: the block that stored it; None: it was there from the start.
        before: the segments that its bytes belonged to before.
    """

    start: int
    value: Node
    block: str | None = None
    before: tuple[Segment | None, ...] = ()


@dataclass(eq=False)
class MemoryObject:
    """One variable.

    Attributes:
        size: bytes; 0 for a stream or RAM, which has no content here.
        places: offsets at which an element starts; empty if unknown.
    """

    name: str
    kind: MemoryKind
    size: int = 0
    places: frozenset[int] = frozenset()
    bytes: dict[int, Segment] = field(default_factory=dict)


@dataclass(frozen=True)
class IndexTerm:
    """index * stride bytes, index signed."""

    index: Node
    stride: int


@dataclass(frozen=True)
class Pointer:
    """A place in an object."""

    base: MemoryObject
    offset: int = 0
    terms: tuple[IndexTerm, ...] = ()

    def moved(self, offset: int, terms: Sequence[IndexTerm] = ()) -> Pointer:
        """The place some bytes on."""
        return Pointer(self.base, self.offset + offset, (*self.terms, *terms))


#: A pointer chosen at run time: conditions, of which one is true, and places.
PointerChoice = tuple[tuple[Node, Pointer], ...]
#: What an instruction gives: a number, a pointer or the parts of a struct.
Value = Union[Node, PointerChoice, tuple[Node, ...]]


class TooManyChoicesError(Exception):
    """An index reaches too many places."""


class OutsideError(Exception):
    """An access lies outside its object, or follows no declared element."""


@dataclass
class Memory:
    """Loads and stores; the objects hold the content.

    Attributes:
        exclusive: whether no path runs through both of two blocks.
        block: the block that loads and stores; None: behind all blocks, where all stores count.
    """

    graph: GraphBuilder
    exclusive: Callable[[str, str], bool]
    block: str | None = None

    def load(self, pointer: Pointer, width: int) -> Node:
        """`width` bits at a place."""
        size = -(-width // 8)
        value = self._load_choices(pointer, size, pointer.offset, pointer.terms)
        return self.graph.slice(value, 0, width)

    def _load_choices(
        self, pointer: Pointer, size: int, offset: int, terms: tuple[IndexTerm, ...]
    ) -> Node:
        if not terms:
            return self._load_bytes(pointer.base, offset, size, self._visible)
        first, *rest = terms
        low, high = self._range(pointer, size, offset, first, bool(rest))
        choices = [
            self._load_choices(pointer, size, offset + index * first.stride, tuple(rest))
            for index in range(low, high + 1)
        ]
        return self.graph.index(choices, self._selector(first.index, low, len(choices)))

    def store(self, pointer: Pointer, value: Node, condition: Node) -> None:
        """Store a value under a condition."""
        value = self.graph.resize(value, 8 * -(-value.width // 8))
        self._store_choices(pointer, value, condition, pointer.offset, pointer.terms)

    def _store_choices(
        self,
        pointer: Pointer,
        value: Node,
        condition: Node,
        offset: int,
        terms: tuple[IndexTerm, ...],
    ) -> None:
        if not terms:
            self._store_bytes(pointer.base, offset, value, condition)
            return
        first, *rest = terms
        low, high = self._range(pointer, value.width // 8, offset, first, bool(rest))
        for index in range(low, high + 1):
            here = self.graph.equal(first.index, self.graph.literal(first.index.width, index))
            both = self.graph.both(condition, here)
            self._store_choices(pointer, value, both, offset + index * first.stride, tuple(rest))

    def _range(
        self, pointer: Pointer, size: int, offset: int, term: IndexTerm, more: bool
    ) -> tuple[int, int]:
        """Smallest and largest index of a term that stays inside the object."""
        if term.stride <= 0:
            raise OutsideError("an index counts backwards")
        last_start = pointer.base.size - size
        low = max(-(offset // term.stride), -(1 << (term.index.width - 1)))
        high = min((last_start - offset) // term.stride, _largest(term.index))
        if _is_non_negative(term.index):
            low = max(low, 0)
        places = pointer.base.places
        if places and not more:
            inside = [k for k in range(low, high + 1) if offset + k * term.stride in places]
            low, high = (inside[0], inside[-1]) if inside else (0, -1)
        if high < low:
            raise OutsideError("an index lies outside the array")
        limit = MAXIMUM_TABLE if pointer.base.kind is MemoryKind.TABLE else MAXIMUM_CHOICES
        if high - low >= limit:
            raise TooManyChoicesError(
                f"an index chooses among {high - low + 1} elements of {pointer.base.name}, "
                f"at most {limit} are possible"
            )
        return low, high

    def _selector(self, index: Node, low: int, count: int) -> Node:
        graph = self.graph
        if low:
            index = graph.node("sub", index.width, (index, graph.literal(index.width, low)))
        return graph.resize(index, min(index.width, max(1, (count - 1).bit_length())))

    def _visible(self, base: MemoryObject, position: int) -> Segment | None:
        """What the current block finds at a byte."""
        segment = base.bytes.get(position)
        if self.block is None:
            return segment
        while segment and segment.block and self.exclusive(segment.block, self.block):
            segment = segment.before[position - segment.start]
        return segment

    def _load_bytes(
        self,
        base: MemoryObject,
        offset: int,
        size: int,
        find: Callable[[MemoryObject, int], Segment | None],
    ) -> Node:
        if offset < 0 or offset + size > base.size:
            raise OutsideError(
                f"bytes {offset}..{offset + size - 1} of {base.name}, which has {base.size}"
            )
        graph, parts, position = self.graph, [], offset
        while position < offset + size:
            segment = find(base, position)
            end = position + 1
            while end < offset + size and find(base, end) is segment:
                end += 1
            bits = 8 * (end - position)
            if segment is None:  # never stored: undefined in C++
                parts.append(graph.literal(bits, 0))
            else:
                parts.append(graph.slice(segment.value, 8 * (position - segment.start), bits))
            position = end
        return graph.concat(list(reversed(parts)))

    def _store_bytes(self, base: MemoryObject, offset: int, value: Node, condition: Node) -> None:
        size = value.width // 8
        if condition.literal != 1:
            kept = self._load_bytes(base, offset, size, _last)
            value = self.graph.select(condition, value, kept)
        elif offset < 0 or offset + size > base.size:
            raise OutsideError(f"byte {offset} of {base.name}, which has {base.size}")
        places = range(offset, offset + size)
        before = tuple(base.bytes.get(position) for position in places)
        segment = Segment(offset, value, self.block, before)
        base.bytes.update(dict.fromkeys(places, segment))


def _last(base: MemoryObject, position: int) -> Segment | None:
    """What was stored last at a byte, in whatever block."""
    return base.bytes.get(position)


def _is_non_negative(index: Node) -> bool:
    return index.operation == "zero_ext"


def _largest(index: Node) -> int:
    """Largest value of an index, as far as its extension tells."""
    bits = index.width - 1
    if index.operation in ("zero_ext", "sign_ext"):
        bits = index.operands[0].width - (index.operation == "sign_ext")
    return (1 << bits) - 1
