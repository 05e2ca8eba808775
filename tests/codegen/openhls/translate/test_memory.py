# SPDX-License-Identifier: Apache-2.0
"""Memory of one step: bytes, conditions and indices that vary, run in XLS's interpreter."""

from __future__ import annotations

import pytest

from codegen.openhls.graph import GraphBuilder, Node
from codegen.openhls.simulate.interpreter import StepInterpreter
from codegen.openhls.step import InputPort, OutputPort, Step
from codegen.openhls.translate.memory import (
    MAXIMUM_CHOICES,
    IndexTerm,
    Memory,
    MemoryKind,
    MemoryObject,
    OutsideError,
    Pointer,
    Segment,
    TooManyChoicesError,
)


@pytest.fixture
def memory() -> Memory:
    return Memory(GraphBuilder(), lambda a, b: {a, b} == {"then", "else"})


def local(size: int, element: int = 1) -> MemoryObject:
    places = frozenset(range(0, size, element))
    return MemoryObject("local", MemoryKind.LOCAL, size, places)


def value(result: Node, **leaves: tuple[Node, int]) -> int:
    """The value of a node for given values of its leaves."""
    inputs = [InputPort(name, leaf.width, leaf) for name, (leaf, _) in leaves.items()]
    step = Step("f", inputs=inputs)
    step.outputs.append(OutputPort("result", result.width, result))
    run = StepInterpreter(step).evaluate({name: number for name, (_, number) in leaves.items()})
    return run["result"]


def literal(memory: Memory, width: int, number: int) -> Node:
    return memory.graph.literal(width, number)


def test_what_was_stored_last_is_read(memory: Memory) -> None:
    item, always = local(8), literal(memory, 1, 1)
    memory.store(Pointer(item), literal(memory, 32, 0x44332211), always)
    memory.store(Pointer(item, 1), literal(memory, 16, 0xBBAA), always)
    assert memory.load(Pointer(item), 32).literal == 0x44BBAA11
    assert memory.load(Pointer(item, 2), 8).literal == 0xBB
    assert memory.load(Pointer(item, 4), 32).literal == 0  # never stored


def test_widths_that_are_no_bytes_are_filled_up(memory: Memory) -> None:
    item = local(4)
    memory.store(Pointer(item), literal(memory, 12, 0xABC), literal(memory, 1, 1))
    assert memory.load(Pointer(item), 12).literal == 0xABC
    assert memory.load(Pointer(item), 16).literal == 0x0ABC


@pytest.mark.parametrize(("condition", "expected"), [(0, 0x11), (1, 0x22)])
def test_a_store_under_a_condition_keeps_the_old_value(
    memory: Memory, condition: int, expected: int
) -> None:
    item, leaf = local(1), memory.graph.leaf("condition", 1)
    memory.store(Pointer(item), literal(memory, 8, 0x11), literal(memory, 1, 1))
    memory.store(Pointer(item), literal(memory, 8, 0x22), leaf)
    assert value(memory.load(Pointer(item), 8), condition=(leaf, condition)) == expected


@pytest.mark.parametrize(
    ("block", "expected"), [("then", 0x2211), ("else", 0x33), ("join", 0x33), (None, 0x33)]
)
def test_a_branch_does_not_see_the_stores_of_the_other(
    memory: Memory, block: str | None, expected: int
) -> None:
    item = local(2)
    then, otherwise = (memory.graph.leaf(name, 1) for name in ("then", "otherwise"))
    memory.store(Pointer(item), literal(memory, 16, 0x1111), literal(memory, 1, 1))
    memory.block = "then"
    memory.store(Pointer(item, 1), literal(memory, 8, 0x22), then)
    memory.block = "else"
    memory.store(Pointer(item), literal(memory, 16, 0x33), otherwise)
    memory.block = block
    found = memory.load(Pointer(item), 16)
    if block == "then":
        assert value(found, then=(then, 1)) == expected  # `otherwise` is no part of it
    else:
        both = {"then": (then, 0), "otherwise": (otherwise, 1)}
        assert value(found, **({"otherwise": both["otherwise"]} if block == "else" else both)) == (
            expected
        )


@pytest.mark.parametrize("number", range(4))
def test_an_index_that_varies(memory: Memory, number: int) -> None:
    """words[index + 1] of four 16-bit words, read and written."""
    item, index = local(8, 2), memory.graph.leaf("index", 2)
    wide = memory.graph.resize(index, 32)
    for place in range(4):
        memory.store(
            Pointer(item, 2 * place), literal(memory, 16, 0x100 + place), literal(memory, 1, 1)
        )
    place = Pointer(item).moved(0, [IndexTerm(wide, 2)])
    assert value(memory.load(place, 16), index=(index, number)) == 0x100 + number
    memory.store(place, literal(memory, 16, 0xFFFF), literal(memory, 1, 1))
    whole = value(memory.load(Pointer(item), 64), index=(index, number))
    words = [whole >> 16 * k & 0xFFFF for k in range(4)]
    assert words == [0xFFFF if k == number else 0x100 + k for k in range(4)]


def test_indices_of_two_dimensions(memory: Memory) -> None:
    item = local(12)
    row, column = memory.graph.leaf("row", 2), memory.graph.leaf("column", 2)
    for place in range(12):
        memory.store(Pointer(item, place), literal(memory, 8, place), literal(memory, 1, 1))
    terms = [
        IndexTerm(memory.graph.resize(row, 8), 4),
        IndexTerm(memory.graph.resize(column, 8), 1),
    ]
    found = value(memory.load(Pointer(item, 0, tuple(terms)), 8), row=(row, 2), column=(column, 3))
    assert found == 11


def test_accesses_outside_are_refused(memory: Memory) -> None:
    item, always = local(4), literal(memory, 1, 1)
    with pytest.raises(OutsideError, match=r"bytes 3\.\.4 of local, which has 4"):
        memory.load(Pointer(item, 3), 16)
    with pytest.raises(OutsideError, match="byte -1 of local"):
        memory.store(Pointer(item, -1), literal(memory, 8, 0), always)
    leaf = memory.graph.resize(memory.graph.leaf("index", 2), 8)
    with pytest.raises(OutsideError, match="outside the array"):
        memory.load(Pointer(item, 4, (IndexTerm(leaf, 1),)), 8)
    with pytest.raises(OutsideError, match="counts backwards"):
        memory.load(Pointer(item, 0, (IndexTerm(leaf, -1),)), 8)


def test_an_index_over_too_much_is_refused_unless_it_is_a_table(memory: Memory) -> None:
    index = memory.graph.leaf("index", 32)
    size = MAXIMUM_CHOICES + 1
    place = Pointer(local(size), 0, (IndexTerm(index, 1),))
    with pytest.raises(TooManyChoicesError, match=f"among {size} elements of local, at most"):
        memory.load(place, 8)
    table = MemoryObject("table", MemoryKind.TABLE, size)
    table.bytes.update({k: Segment(k, literal(memory, 8, k % 251)) for k in range(size)})
    found = memory.load(Pointer(table, 0, (IndexTerm(index, 1),)), 8)
    assert value(found, index=(index, size - 1)) == (size - 1) % 251
