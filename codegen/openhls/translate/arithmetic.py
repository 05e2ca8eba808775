# SPDX-License-Identifier: Apache-2.0
"""Integer instructions and intrinsics of LLVM as graph nodes."""

from __future__ import annotations

import re

from codegen.openhls.graph import GraphBuilder, Node

BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "umul",
    "udiv": "udiv",
    "sdiv": "sdiv",
    "urem": "umod",
    "srem": "smod",
    "shl": "shll",
    "lshr": "shrl",
    "ashr": "shra",
    "and": "and",
    "or": "or",
    "xor": "xor",
}
#: Need a constant second operand.
DIVISIONS = frozenset(("udiv", "sdiv", "urem", "srem"))
_INTRINSIC = re.compile(r"^llvm\.([a-z.]+)\.i(\d+)$")


def binary(graph: GraphBuilder, operation: str, a: Node, b: Node) -> Node:
    """`a operation b`, both of the same width."""
    if a.width == 1 and operation in ("and", "or"):
        return graph.both(a, b) if operation == "and" else graph.either(a, b)
    if a.width == 1 and operation == "xor" and b.literal is not None:
        return graph.negate(a) if b.literal else a
    if b.literal is not None and operation in ("lshr", "shl"):
        return _constant_shift(graph, operation, a, b.literal)
    if a.literal is not None and b.literal is not None and operation in ("add", "sub", "mul"):
        x, y = a.literal, b.literal
        return graph.literal(a.width, {"add": x + y, "sub": x - y, "mul": x * y}[operation])
    return graph.node(BINARY[operation], a.width, (a, b))


def _constant_shift(graph: GraphBuilder, operation: str, a: Node, amount: int) -> Node:
    if amount == 0:
        return a
    if amount >= a.width:
        return graph.literal(a.width, 0)
    zeros = graph.literal(amount, 0)
    if operation == "lshr":
        return graph.resize(graph.slice(a, amount, a.width - amount), a.width)
    return graph.concat([graph.slice(a, 0, a.width - amount), zeros])


def compare(graph: GraphBuilder, predicate: str, a: Node, b: Node) -> Node:
    """icmp; the predicates have the same names in XLS IR."""
    return graph.equal(a, b) if predicate == "eq" else graph.node(predicate, 1, (a, b))


def intrinsic(graph: GraphBuilder, name: str, values: list[Node]) -> Node | None:
    """Result of an LLVM intrinsic on integers, or None if it is not a known one."""
    found = _INTRINSIC.match(name)
    if found is None:
        return None
    operation, width = found[1], int(found[2])
    if operation in ("umax", "umin", "smax", "smin"):
        a, b = values
        relation = operation[0] + ("gt" if operation.endswith("max") else "lt")
        return graph.select(graph.node(relation, 1, (a, b)), a, b)
    if operation == "abs":
        negative = graph.slice(values[0], width - 1, 1)
        return graph.select(negative, graph.node("neg", width, (values[0],)), values[0])
    if operation in ("fshl", "fshr"):
        return _funnel_shift(graph, operation, width, values)
    if operation in ("uadd.sat", "usub.sat"):
        return _saturating(graph, operation, width, values)
    if operation in ("ctpop", "ctlz", "cttz", "bitreverse", "bswap"):
        return _bit_trick(graph, operation, width, values[0])
    if operation in ("ucmp", "scmp"):
        return None
    return None


def _funnel_shift(graph: GraphBuilder, operation: str, width: int, values: list[Node]) -> Node:
    high, low, amount = values
    both = graph.concat([high, low])
    rest = graph.node("umod", width, (amount, graph.literal(width, width)))
    if amount.literal is not None:
        rest = graph.literal(width, amount.literal % width)
    if operation == "fshl":
        return graph.slice(graph.node("shll", 2 * width, (both, rest)), width, width)
    return graph.slice(graph.node("shrl", 2 * width, (both, rest)), 0, width)


def _saturating(graph: GraphBuilder, operation: str, width: int, values: list[Node]) -> Node:
    a, b = values
    if operation == "usub.sat":
        below = graph.node("ult", 1, (a, b))
        return graph.select(below, graph.literal(width, 0), graph.node("sub", width, (a, b)))
    total = graph.node("add", width, (a, b))
    overflow = graph.node("ult", 1, (total, a))
    return graph.select(overflow, graph.literal(width, -1), total)


def _bit_trick(graph: GraphBuilder, operation: str, width: int, value: Node) -> Node:
    bits = [graph.slice(value, index, 1) for index in range(width)]  # low bit first
    if operation == "bitreverse":
        return graph.concat(bits)
    if operation == "bswap":
        return graph.concat([graph.slice(value, index, 8) for index in range(0, width, 8)])
    if operation == "ctpop":
        return _sum(graph, [graph.resize(bit, width) for bit in bits])
    result = graph.literal(width, width)
    # The deciding bit is the last one asked, so it is the outermost multiplexer.
    order = range(width) if operation == "ctlz" else reversed(range(width))
    for index in order:
        place = width - 1 - index if operation == "ctlz" else index
        result = graph.select(bits[index], graph.literal(width, place), result)
    return result


def _sum(graph: GraphBuilder, values: list[Node]) -> Node:
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2])
        rest = values[-1:] if len(values) % 2 else []
        values = [graph.node("add", values[0].width, pair) for pair in pairs] + rest
    return values[0]
