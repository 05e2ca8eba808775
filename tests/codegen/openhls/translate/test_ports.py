# SPDX-License-Identifier: Apache-2.0
"""Accesses in the code become one port per stream and RAM, or break a rule."""

from __future__ import annotations

import pytest

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.graph import GraphBuilder, Node
from codegen.openhls.rules import Rule
from codegen.openhls.translate.control_flow import ControlFlow
from codegen.openhls.translate.ports import (
    Access,
    Port,
    PortCall,
    port_call,
    ram_ports,
    stream_read,
    stream_write,
)
from tests.codegen.openhls.translate.test_control_flow import flow

GRAPH = GraphBuilder()
LEFT, RIGHT = GRAPH.leaf("left", 1), GRAPH.leaf("right", 1)
TRUE = GRAPH.literal(1, 1)
READ = PortCall("read", 8)


@pytest.fixture
def diamond() -> ControlFlow:
    return flow(entry="left right", left="end", right="end", end="-")


def access(
    call: PortCall,
    block: str,
    condition: Node = TRUE,
    address: Node | None = None,
    value: Node | None = None,
) -> Access:
    def fail(rule: Rule, detail: str) -> StyleError:
        return StyleError(rule, detail)

    return Access(call, block, condition, fail, address, value)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("_Z10__xls_readIDU9_ET_PKv", PortCall("read", 9)),
        ("_Z10__xls_readIDB100_ET_PKv", PortCall("read", 100)),
        ("_Z11__xls_writeIjEvPKvT_", PortCall("write", 32)),
        ("_Z11__xls_writeIbEvPKvT_", PortCall("write", 1)),
        ("_Z10__xls_keepIDU4_ET_S0_", PortCall("keep", 4)),
        ("_Z14__xls_ram_readIDU8_Li16ELi8EET_PKvi", PortCall("ram_read", 8, 16, 8)),
        ("_Z15__xls_ram_writeIDB7_Li512ELi4EEvPKviT_", PortCall("ram_write", 7, 512, 4)),
        ("_Z10__xls_readI4PairET_PKv", None),
        ("_Z4readi", None),
        ("printf", None),
    ],
)
def test_what_the_name_of_a_call_says(symbol: str, expected: PortCall | None) -> None:
    assert port_call(symbol) == expected


def test_reads_in_branches_that_exclude_each_other_are_one(diamond: ControlFlow) -> None:
    port = Port("a")
    port.add(access(READ, "left", LEFT), diamond)
    port.add(access(READ, "right", RIGHT), diamond)
    read = stream_read(GRAPH, port)
    assert read.width == 8 and read.leaf is GRAPH.leaf("a_data", 8)
    assert read.condition is GRAPH.either(LEFT, RIGHT)


def test_writes_choose_their_value(diamond: ControlFlow) -> None:
    port, one, two = Port("b"), GRAPH.leaf("one", 8), GRAPH.leaf("two", 8)
    port.add(access(PortCall("write", 8), "left", LEFT, value=one), diamond)
    port.add(access(PortCall("write", 8), "right", RIGHT, value=two), diamond)
    assert stream_write(GRAPH, port).value is GRAPH.select(RIGHT, two, one)


def test_conditions_that_contradict_each_other_share_a_port(diamond: ControlFlow) -> None:
    port = Port("a")
    port.add(access(READ, "entry", LEFT), diamond)
    port.add(access(READ, "end", GRAPH.both(RIGHT, GRAPH.negate(LEFT))), diamond)
    assert len(port.of("read")) == 2


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        (READ, READ, rules.ONE_READ),
        (PortCall("write", 8), PortCall("write", 8), rules.ONE_WRITE),
        (READ, PortCall("write", 8), rules.ONE_DIRECTION),
        (READ, PortCall("read", 9), rules.RAM_DEPTH),
        (PortCall("ram_read", 8, 16, 8), PortCall("ram_read", 8, 16, 8), rules.ONE_RAM_READ),
        (PortCall("ram_write", 8, 16, 8), PortCall("ram_write", 8, 16, 8), rules.ONE_RAM_WRITE),
        (PortCall("ram_read", 8, 16, 8), PortCall("ram_write", 8, 32, 8), rules.RAM_DEPTH),
    ],
)
def test_two_accesses_on_one_path(
    first: PortCall, second: PortCall, rule: Rule, diamond: ControlFlow
) -> None:
    port = Port("a")
    port.add(access(first, "entry"), diamond)
    with pytest.raises(StyleError) as caught:
        port.add(access(second, "left", LEFT), diamond)
    assert caught.value.rule is rule


def test_a_ram_needs_both_ways_and_a_depth(diamond: ControlFlow) -> None:
    address, word = GRAPH.leaf("address", 32), GRAPH.leaf("word", 8)
    port = Port("memory")
    port.add(access(PortCall("ram_read", 8, 10, 8), "left", LEFT, address), diamond)
    with pytest.raises(StyleError, match="RAM memory is never written"):
        ram_ports(GRAPH, port)
    port.add(access(PortCall("ram_write", 8, 10, 8), "end", TRUE, address, word), diamond)
    ram = ram_ports(GRAPH, port)
    assert (ram.words, ram.address_width, ram.settle_steps) == (10, 4, 8)
    assert ram.read.condition is LEFT and ram.write.value is word
    assert ram.read.address is GRAPH.slice(address, 0, 4)
    with pytest.raises(StyleError) as caught:
        Port("own").add(access(PortCall("ram_read", 8), "entry"), diamond)
    assert caught.value.rule is rules.RAM_DEPTH
