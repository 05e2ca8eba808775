# SPDX-License-Identifier: Apache-2.0
"""Bits that matter, seen from what leaves a step."""

from __future__ import annotations

import pytest

from codegen.openhls.graph import GraphBuilder, Node
from codegen.openhls.translate.demanded_bits import demanded_bits

GRAPH = GraphBuilder()
A, B = GRAPH.leaf("a", 32), GRAPH.leaf("b", 32)
C = GRAPH.leaf("c", 1)


def literal(value: int) -> Node:
    return GRAPH.literal(32, value)


@pytest.mark.parametrize(
    ("root", "mask"),
    [
        (GRAPH.slice(A, 4, 3), 0b1110000),
        (GRAPH.slice(GRAPH.node("add", 32, (A, B)), 4, 3), 0b1111111),
        (GRAPH.slice(GRAPH.node("umul", 32, (A, B)), 0, 3), 0b111),
        (GRAPH.node("and", 32, (A, literal(0xF0))), 0xF0),
        (GRAPH.node("or", 32, (A, literal(0xFFFFFF00))), 0xFF),
        (GRAPH.slice(GRAPH.node("xor", 32, (A, B)), 8, 8), 0xFF00),
        (GRAPH.slice(GRAPH.node("shll", 32, (A, literal(4))), 8, 8), 0xFF0),
        (GRAPH.slice(GRAPH.node("shrl", 32, (A, literal(4))), 8, 8), 0xFF000),
        (GRAPH.slice(GRAPH.node("shrl", 32, (A, B)), 8, 8), 0xFFFFFFFF),
        (GRAPH.node("ult", 1, (A, B)), 0xFFFFFFFF),
        (GRAPH.slice(GRAPH.select(C, A, B), 0, 5), 0b11111),
        (GRAPH.slice(GRAPH.node("neg", 32, (A,)), 2, 2), 0b1111),
        (GRAPH.node("zero_ext", 40, (A,)), 0xFFFFFFFF),
        (GRAPH.slice(GRAPH.concat([A, B]), 40, 2), 0x300),
        (GRAPH.node("not", 32, (B,)), 0),
    ],
)
def test_bits_of_a(root: Node, mask: int) -> None:
    assert demanded_bits([root], {}).get(A, 0) == mask


def test_a_sign_bit_counts_once_it_is_copied() -> None:
    narrow = GRAPH.leaf("narrow", 8)
    wide = GRAPH.node("sign_ext", 32, (narrow,))
    assert demanded_bits([GRAPH.node("and", 32, (wide, literal(0x100)))], {})[narrow] == 0x80
    assert demanded_bits([GRAPH.node("and", 32, (wide, literal(0x3)))], {})[narrow] == 0x3


def test_a_register_matters_as_far_as_it_reaches_an_output() -> None:
    """A counter of which only bit 3 leaves needs bits 0 to 3; one that nobody sees needs none."""
    graph = GraphBuilder()
    seen, unseen = graph.leaf("seen", 32), graph.leaf("unseen", 32)
    one = graph.literal(32, 1)
    feedback = {leaf: graph.node("add", 32, (leaf, one)) for leaf in (seen, unseen)}
    masks = demanded_bits([graph.slice(seen, 3, 1)], feedback)
    assert masks[seen] == 0b1111
    assert masks[unseen] == 0


def test_registers_that_feed_each_other() -> None:
    graph = GraphBuilder()
    first, second = graph.leaf("first", 16), graph.leaf("second", 16)
    feedback = {first: second, second: graph.node("xor", 16, (first, graph.literal(16, 0xFF)))}
    masks = demanded_bits([graph.slice(first, 2, 2)], feedback)
    assert masks[first] == masks[second] == 0b1100
