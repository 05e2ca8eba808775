# SPDX-License-Identifier: Apache-2.0
"""Data-flow graph of one step, named as in XLS IR.

A node is a value of a fixed number of bits. Equal nodes are made once. Values that come from
outside a step (state, what a stream or RAM returned, input ports) are leaves, so the same graph is
printed as the function of one step and as a process with channels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from codegen.openhls.errors import SourceLocation

_Item = TypeVar("_Item", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes:
        operation: name in XLS IR, or `leaf`.
        width: bits of the result (of one element, for an array).
        attributes: keyword arguments in XLS IR.
        elements: number of elements, if the result is an array; 0 for plain bits.
        origin: the line of C++ that first asked for it.
    """

    operation: str
    width: int
    operands: tuple[Node, ...] = ()
    attributes: tuple[tuple[str, object], ...] = ()
    elements: int = 0
    origin: SourceLocation | None = None

    @property
    def literal(self) -> int | None:
        """The value of a literal."""
        is_literal = self.operation == "literal" and not self.elements
        return int(str(self.attributes[0][1])) if is_literal else None

    @property
    def type(self) -> str:
        """Type in XLS IR."""
        return f"bits[{self.width}]" + (f"[{self.elements}]" if self.elements else "")


_Key = tuple[str, int, tuple[int, ...], tuple[tuple[str, object], ...], int]


@dataclass
class GraphBuilder:
    """Makes nodes, each distinct one once; folds what needs no more than a look.

    Attributes:
        origin: the line of C++ that nodes are made for.
    """

    origin: SourceLocation | None = None
    _made: dict[_Key, Node] = field(default_factory=dict)

    def node(
        self,
        operation: str,
        width: int,
        operands: Sequence[Node] = (),
        elements: int = 0,
        attributes: tuple[tuple[str, object], ...] = (),
    ) -> Node:
        """The node of these arguments; an old one if there is one."""
        key = (operation, width, tuple(map(id, operands)), attributes, elements)
        if key not in self._made:
            self._made[key] = Node(
                operation, width, tuple(operands), attributes, elements, self.origin
            )
        return self._made[key]

    def leaf(self, name: str, width: int) -> Node:
        """A value from outside, `name` unique in the graph."""
        return self.node("leaf", width, attributes=(("name", name),))

    def literal(self, width: int, value: int) -> Node:
        """A constant, taken modulo 2**width."""
        return self.node("literal", width, attributes=(("value", value % (1 << width)),))

    def slice(self, value: Node, start: int, width: int) -> Node:
        """Bits start .. start + width - 1."""
        if (start, width) == (0, value.width):
            return value
        if value.literal is not None:
            return self.literal(width, value.literal >> start)
        if value.operation == "bit_slice":
            start += int(str(value.attributes[0][1]))
            return self.slice(value.operands[0], start, width)
        if value.operation == "concat":
            return self._slice_of_concat(value, start, width)
        if value.operation in ("zero_ext", "sign_ext"):
            inner = value.operands[0]
            if start + width <= inner.width:
                return self.slice(inner, start, width)
            if start == 0:
                return self.resize(inner, width, value.operation == "sign_ext")
        return self._bit_slice(value, start, width)

    def _bit_slice(self, value: Node, start: int, width: int) -> Node:
        return self.node(
            "bit_slice", width, (value,), attributes=(("start", start), ("width", width))
        )

    def _slice_of_concat(self, value: Node, start: int, width: int) -> Node:
        low = 0
        for part in reversed(value.operands):
            if low <= start and start + width <= low + part.width:
                return self.slice(part, start - low, width)
            low += part.width
        return self._bit_slice(value, start, width)

    def resize(self, value: Node, width: int, signed: bool = False) -> Node:
        """Extended or cut to `width` bits."""
        if width <= value.width:
            return self.slice(value, 0, width)
        if value.literal is not None and not signed:
            return self.literal(width, value.literal)
        operation = "sign_ext" if signed else "zero_ext"
        return self.node(operation, width, (value,), attributes=(("new_bit_count", width),))

    def concat(self, parts: Sequence[Node]) -> Node:
        """Bits side by side, the first part in the top bits."""
        if len(parts) == 1:
            return parts[0]
        width = sum(part.width for part in parts)
        if all(part.literal is not None for part in parts):
            value = 0
            for part in parts:
                value = value << part.width | (part.literal or 0)
            return self.literal(width, value)
        return self.node("concat", width, parts)

    def both(self, a: Node, b: Node) -> Node:
        """Logical and of two bits."""
        for one, other in ((a, b), (b, a)):
            if one.literal is not None:
                return other if one.literal else one
        if a is b:
            return a
        if a is self.negate(b):
            return self.literal(1, 0)
        return self.node("and", 1, (a, b))

    def either(self, a: Node, b: Node) -> Node:
        """Logical or of two bits."""
        for one, other in ((a, b), (b, a)):
            if one.literal is not None:
                return one if one.literal else other
        if a is b:
            return a
        if a is self.negate(b):
            return self.literal(1, 1)
        return self.node("or", 1, (a, b))

    def negate(self, a: Node) -> Node:
        """Logical not of a bit."""
        if a.literal is not None:
            return self.literal(1, 1 - a.literal)
        return a.operands[0] if a.operation == "not" else self.node("not", 1, (a,))

    def select(self, condition: Node, if_true: Node, if_false: Node) -> Node:
        """A multiplexer."""
        if condition.literal is not None:
            return if_true if condition.literal else if_false
        if if_true is if_false:
            return if_true
        return self.node("sel", if_true.width, (condition, if_false, if_true))

    def equal(self, a: Node, b: Node) -> Node:
        """Whether two values are equal."""
        if a.literal is not None and b.literal is not None:
            return self.literal(1, int(a.literal == b.literal))
        return self.node("eq", 1, (a, b))

    def index(self, choices: Sequence[Node], selector: Node) -> Node:
        """choices[selector]; the last one if the selector is too large."""
        if len(choices) == 1:
            return choices[0]
        if selector.literal is not None:
            return choices[min(selector.literal, len(choices) - 1)]
        width = choices[0].width
        values = [choice.literal for choice in choices]
        if None in values:
            array = self.node("array", width, choices, len(choices))
        else:
            text = "[" + ", ".join(map(str, values)) + "]"
            array = self.node("literal", width, (), len(choices), (("value", text),))
        return self.node("array_index", width, (array, selector))


def topological_order(
    roots: Iterable[_Item], needs: Callable[[_Item], Sequence[_Item]]
) -> tuple[list[_Item], _Item | None]:
    """What `roots` depend on, operands first; and an item that depends on itself, or None."""
    state: dict[_Item, bool] = {}
    order: list[_Item] = []
    for root in roots:
        stack: list[tuple[_Item, bool]] = [(root, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                state[node] = True
                order.append(node)
            elif node not in state:
                state[node] = False
                stack.append((node, True))
                for operand in needs(node):
                    if state.get(operand) is False:
                        return order, operand
                    if operand not in state:
                        stack.append((operand, False))
    return order, None
