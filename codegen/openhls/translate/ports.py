# SPDX-License-Identifier: Apache-2.0
"""Streams and RAMs of a step: collects every access in the code and makes one port of them.

Accesses in branches that exclude each other share a port; two on one path break the style.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.graph import GraphBuilder, Node
from codegen.openhls.rules import Rule
from codegen.openhls.step import RamPorts, RamRead, RamWrite, StreamRead, StreamWrite
from codegen.openhls.translate.control_flow import ControlFlow

_CALL = re.compile(
    r"__xls_(read|write|keep|ram_read|ram_write)I(?:D(B|U)(\d+)_|([ahbcstijlmxy]))"
    r"(?:Li(\d+)ELi(\d+)E)?E"
)
_BUILTIN_BITS = dict(zip("bahcstijlmxy", (1, 8, 8, 8, 16, 16, 32, 32, 64, 64, 64, 64)))


@dataclass(frozen=True)
class PortCall:
    """What the mangled name of a call without a body says.

    Attributes:
        action: `read`, `write`, `ram_read` or `ram_write`; `keep` for a value passed through.
        words: number of words of the RAM.
        settle_steps: steps after a write from which on a read returns the word (ram.hpp).
    """

    action: str
    width: int
    words: int = 0
    settle_steps: int = 0

    @property
    def is_ram(self) -> bool:
        """Whether it goes to a RAM."""
        return self.action.startswith("ram")

    @property
    def is_read(self) -> bool:
        """Whether it returns a value."""
        return self.action.endswith("read")


def port_call(function_name: str) -> PortCall | None:
    """Decode the name of a stream or RAM call; None for any other function."""
    found = _CALL.search(function_name)
    if found is None:
        return None
    width = int(found[3]) if found[3] else _BUILTIN_BITS[found[4]]
    return PortCall(found[1], width, int(found[5] or 0), int(found[6] or 0))


@dataclass(frozen=True)
class Access:
    """One call in the code."""

    call: PortCall
    block: str
    condition: Node
    fail: Callable[[Rule, str], StyleError]
    address: Node | None = None
    value: Node | None = None


@dataclass
class Port:
    """All accesses to one stream or RAM, which is named like its C++ parameter or static."""

    name: str
    accesses: list[Access] = field(default_factory=list)

    def add(self, access: Access, flow: ControlFlow) -> None:
        """Note an access.

        Raises:
            StyleError: it cannot share the port with the accesses before.
        """
        call = access.call
        if call.is_ram and not call.words:
            raise access.fail(rules.RAM_DEPTH, f"RAM {self.name} has an unknown depth")
        for other in self.accesses:
            self._check(access, other, flow)
        self.accesses.append(access)

    def _check(self, access: Access, other: Access, flow: ControlFlow) -> None:
        call = access.call
        what = "RAM" if call.is_ram else "stream"
        if (call.width, call.words, call.is_ram) != (
            other.call.width,
            other.call.words,
            other.call.is_ram,
        ):
            raise access.fail(rules.RAM_DEPTH, f"{self.name} is used with different word types")
        if call.action != other.call.action:
            if call.is_ram:
                return
            raise access.fail(rules.ONE_DIRECTION, f"stream {self.name} is read and written")
        apart = flow.exclusive(access.block, other.block)
        if not apart and not _contradict(access.condition, other.condition):
            rule = {
                "read": rules.ONE_READ,
                "write": rules.ONE_WRITE,
                "ram_read": rules.ONE_RAM_READ,
                "ram_write": rules.ONE_RAM_WRITE,
            }[call.action]
            again = "read" if call.is_read else "written"
            raise access.fail(rule, f"{what} {self.name} is {again} a second time in one step")

    def of(self, action: str) -> list[Access]:
        """Accesses of one kind."""
        return [access for access in self.accesses if access.call.action == action]


def _contradict(a: Node, b: Node) -> bool:
    """Whether one condition holds a term that the other one negates."""
    terms, others = _terms(a), _terms(b)
    negated = {term.operands[0] for term in terms if term.operation == "not"}
    others_negated = {term.operands[0] for term in others if term.operation == "not"}
    return bool(negated & others or others_negated & terms)


def _terms(condition: Node) -> set[Node]:
    found, stack = set(), [condition]
    while stack:
        node = stack.pop()
        if node.operation == "and":
            stack += node.operands
        else:
            found.add(node)
    return found


def read_leaf(graph: GraphBuilder, port: Port, call: PortCall) -> Node:
    """The value that the read of a port returns."""
    return graph.leaf(f"{port.name}_{'read' if call.is_ram else 'data'}", call.width)


def _any_of(graph: GraphBuilder, accesses: list[Access]) -> Node:
    condition = accesses[0].condition
    for access in accesses[1:]:
        condition = graph.either(condition, access.condition)
    return condition


def _choose(graph: GraphBuilder, accesses: list[Access], values: list[Node]) -> Node:
    result = values[0]
    for access, value in list(zip(accesses, values))[1:]:
        result = graph.select(access.condition, value, result)
    return result


def stream_read(graph: GraphBuilder, port: Port) -> StreamRead:
    """The one read of an input stream."""
    accesses = port.of("read")
    call = accesses[0].call
    leaf = read_leaf(graph, port, call)
    return StreamRead(port.name, call.width, leaf, _any_of(graph, accesses))


def stream_write(graph: GraphBuilder, port: Port) -> StreamWrite:
    """The one write of an output stream."""
    accesses = port.of("write")
    value = _choose(graph, accesses, [access.value for access in accesses if access.value])
    return StreamWrite(port.name, accesses[0].call.width, value, _any_of(graph, accesses))


def ram_ports(graph: GraphBuilder, port: Port) -> RamPorts:
    """Both ports of a RAM."""
    call = port.accesses[0].call
    width = max(1, (call.words - 1).bit_length())

    def address(accesses: list[Access]) -> Node:
        nodes = [graph.resize(item.address, width) for item in accesses if item.address]
        return _choose(graph, accesses, nodes)

    reads, writes = port.of("ram_read"), port.of("ram_write")
    if not reads or not writes:
        missing = "written" if reads else "read"
        detail = f"RAM {port.name} is never {missing}"
        raise port.accesses[0].fail(rules.RAM_BOTH_WAYS, detail)
    leaf = read_leaf(graph, port, reads[0].call)
    read = RamRead(leaf, address(reads), _any_of(graph, reads))
    value = _choose(graph, writes, [access.value for access in writes if access.value])
    write = RamWrite(address(writes), value, _any_of(graph, writes))
    return RamPorts(port.name, call.width, call.words, call.settle_steps, read, write)
