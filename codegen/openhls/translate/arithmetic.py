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
_INTRINSIC = re.compile(r"^llvm\.([a-z.]+)\.i(\d+)(?:\.i\d+)?$")
_OVERFLOW = ".with.overflow"


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


def intrinsic(graph: GraphBuilder, name: str, values: list[Node]) -> Node | tuple[Node, ...] | None:
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
    if operation.endswith("shl.sat"):
        return _saturating_shift(graph, operation, width, values)
    if operation.endswith((".sat", _OVERFLOW)):
        return _with_overflow(graph, operation, width, values)
    if operation in ("ctpop", "ctlz", "cttz", "bitreverse", "bswap"):
        return _bit_trick(graph, operation, width, values[0])
    if operation in ("ucmp", "scmp"):
        less, greater = (
            graph.node(f"{operation[0]}{relation}", 1, values) for relation in ("lt", "gt")
        )
        return graph.concat([*[less] * (width - 1), graph.either(less, greater)])
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


def _with_overflow(
    graph: GraphBuilder, operation: str, width: int, values: list[Node]
) -> Node | tuple[Node, ...] | None:
    """`sadd.sat` and the like: the limit instead of what is too large; or the sum and whether."""
    kind, operator = operation[0], operation[1:4]
    if kind not in "us" or operator not in ("add", "sub", "mul"):
        return None
    is_signed = kind == "s"
    wide = 2 * width if operator == "mul" else width + 1
    extended = [graph.resize(value, wide, is_signed) for value in values]
    exact = binary(graph, operator, *extended)
    low = graph.slice(exact, 0, width)
    overflow = graph.node("ne", 1, (graph.resize(low, wide, is_signed), exact))
    if operation.endswith(_OVERFLOW):
        return low, overflow
    negative = graph.slice(exact, wide - 1, 1)
    if is_signed:
        limit = _signed_limit(graph, width, negative)
    else:  # a difference of unsigned numbers is below zero, a sum above the largest
        limit = graph.literal(width, 0 if operator == "sub" else -1)
    return graph.select(overflow, limit, low)


def _signed_limit(graph: GraphBuilder, width: int, negative: Node) -> Node:
    smallest = 1 << (width - 1)
    return graph.select(
        negative, graph.literal(width, smallest), graph.literal(width, smallest - 1)
    )


def _saturating_shift(graph: GraphBuilder, operation: str, width: int, values: list[Node]) -> Node:
    value, amount = values
    shifted = binary(graph, "shl", value, amount)
    is_signed = operation[0] == "s"
    back = graph.node("shra" if is_signed else "shrl", width, (shifted, amount))
    limit = graph.literal(width, -1)
    if is_signed:
        limit = _signed_limit(graph, width, graph.slice(value, width - 1, 1))
    return graph.select(graph.node("ne", 1, (back, value)), limit, shifted)


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
