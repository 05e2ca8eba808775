# SPDX-License-Identifier: Apache-2.0
"""The graph of a step: equal nodes once, folding, and the order of its nodes."""

from __future__ import annotations

import pytest

from codegen.openhls.graph import GraphBuilder, Node, topological_order
from codegen.openhls.xls.emit import node_text


@pytest.fixture
def graph() -> GraphBuilder:
    return GraphBuilder()


def test_equal_nodes_are_made_once(graph: GraphBuilder) -> None:
    a, b = graph.leaf("a", 8), graph.leaf("b", 8)
    assert graph.node("add", 8, (a, b)) is graph.node("add", 8, (a, b))
    assert graph.node("add", 8, (a, b)) is not graph.node("add", 8, (b, a))
    assert graph.leaf("a", 8) is a and graph.leaf("a", 9) is not a


def test_literals_wrap(graph: GraphBuilder) -> None:
    assert graph.literal(4, -1).literal == 15
    assert graph.literal(4, 16).literal == 0
    assert graph.leaf("a", 4).literal is None


def test_slices_look_through_what_they_cut(graph: GraphBuilder) -> None:
    a, b = graph.leaf("a", 8), graph.leaf("b", 4)
    assert graph.slice(a, 0, 8) is a
    both = graph.concat([a, b])  # a in the top bits
    assert both.width == 12
    assert graph.slice(both, 0, 4) is b
    assert graph.slice(both, 4, 8) is a
    assert graph.slice(both, 6, 2) is graph.slice(a, 2, 2)
    assert graph.slice(graph.slice(a, 2, 5), 1, 2) is graph.slice(a, 3, 2)
    assert graph.slice(graph.resize(a, 20), 0, 8) is a
    assert graph.slice(graph.resize(a, 20, signed=True), 0, 12).operation == "sign_ext"
    assert graph.slice(graph.literal(8, 0b10110100), 2, 4).literal == 0b1101
    assert graph.slice(both, 2, 4).operation == "bit_slice"


def test_conditions_fold(graph: GraphBuilder) -> None:
    a, b = graph.leaf("a", 1), graph.leaf("b", 1)
    true, false = graph.literal(1, 1), graph.literal(1, 0)
    assert graph.both(true, a) is a and graph.both(a, false) is false
    assert graph.either(false, a) is a and graph.either(a, true) is true
    assert graph.both(a, a) is a and graph.either(a, a) is a
    assert graph.both(a, graph.negate(a)) is false and graph.either(graph.negate(a), a) is true
    assert graph.negate(graph.negate(a)) is a
    assert graph.both(a, b).operation == "and"
    x, y = graph.leaf("x", 3), graph.leaf("y", 3)
    assert graph.select(true, x, y) is x and graph.select(false, x, y) is y
    assert graph.select(a, x, x) is x
    assert graph.equal(graph.literal(3, 2), graph.literal(3, 2)) is true


def test_index_takes_the_last_choice_beyond_the_end(graph: GraphBuilder) -> None:
    choices = [graph.leaf(name, 4) for name in "abc"]
    assert graph.index(choices, graph.literal(2, 1)) is choices[1]
    assert graph.index(choices, graph.literal(2, 3)) is choices[2]
    table = graph.index([graph.literal(4, value) for value in (5, 6)], graph.leaf("i", 1))
    assert table.operands[0].operation == "literal" and table.operands[0].literal is None
    assert table.operands[0].type == "bits[4][2]"


def test_operands_come_first(graph: GraphBuilder) -> None:
    a, b = graph.leaf("a", 8), graph.leaf("b", 8)
    total = graph.node("add", 8, (a, b))
    root = graph.node("umul", 8, (total, a))
    order, circle = topological_order([root], lambda node: node.operands)
    assert circle is None and set(order) == {a, b, total, root}
    assert order.index(a) < order.index(total) < order.index(root)


def test_a_circle_is_named() -> None:
    needs = {"a": ["b"], "b": ["c"], "c": ["b"]}
    _, circle = topological_order(["a"], lambda item: needs[item])
    assert circle == "b"


def test_text_of_nodes(graph: GraphBuilder) -> None:
    a, b, chosen = graph.leaf("a", 8), graph.leaf("b", 8), graph.leaf("c", 1)
    names: dict[Node, str] = {a: "n_0", b: "n_1", chosen: "n_2"}
    array = graph.node("array", 8, (a, b), 2)
    names[array] = "n_3"
    for node, text in (
        (graph.node("add", 8, (a, b)), "add(n_0, n_1)"),
        (graph.select(chosen, a, b), "sel(n_2, cases=[n_1, n_0])"),
        (graph.slice(a, 2, 3), "bit_slice(n_0, start=2, width=3)"),
        (graph.resize(a, 12, signed=True), "sign_ext(n_0, new_bit_count=12)"),
        (graph.node("array_index", 8, (array, chosen)), "array_index(n_3, indices=[n_2])"),
        (graph.literal(8, 300), "literal(value=44)"),
    ):
        assert node_text(node, names) == text
