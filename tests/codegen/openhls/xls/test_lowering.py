# SPDX-License-Identifier: Apache-2.0
"""Operations made of smaller ones give the same bits, in XLS's just-in-time compiler."""

from __future__ import annotations

import random
import re

import pytest

from codegen.openhls.xls.lowering import BLOCK_BITS, LONG_BITS, SHORT_BITS, Operand, lowered

PRODUCTS = [
    (25, 18, 43),
    (18, 19, 37),
    (35, 35, 70),
    (35, 35, 60),
    (52, 20, 72),
    (36, 3, 39),
    (9, 7, 16),
    (17, 17, 34),
]
SHIFTS = [(8, 3, 8), (43, 6, 43), (12, 6, 12), (16, 2, 16), (1 << 5, 5, 1 << 5), (5, 9, 5)]
ORDERS = [(8, 8, 1), (18, 18, 1)]
SUMS = [(8, 8, 8), (25, 25, 25), (63, 63, 63)]
CASES = [
    *(("smul", *widths) for widths in PRODUCTS),
    *(("umul", *widths) for widths in PRODUCTS),
    *((name, *widths) for name in ("add", "sub") for widths in SUMS),
    *((name, *widths) for name in ("shll", "shrl", "shra") for widths in SHIFTS),
    *(
        (f"{sign}{order}", *widths)
        for sign in "us"
        for order in ("lt", "gt", "le", "ge")
        for widths in ORDERS
    ),
]


def both(operation: str, left: int, right: int, width: int) -> tuple[str, list[str]]:
    """IR of a function that gives the operation itself and what it is made of, and its lines."""
    lines = []

    def add(type_: str, text: str) -> str:
        lines.append(f"  v_{len(lines)}: {type_} = {text}")
        return f"v_{len(lines) - 1}"

    value = lowered(operation, width, (Operand("a", left), Operand("b", right)), add)
    assert value is not None
    head = f"package p\n\ntop fn f(a: bits[{left}], b: bits[{right}])"
    type_ = f"bits[{width}]"
    end = f"  w: {type_} = {operation}(a, b)\n  ret r: ({type_}, {type_}) = tuple(w, {value})"
    return "\n".join([f"{head} -> ({type_}, {type_}) {{", *lines, end, "}"]), lines


def corners(source: random.Random, bits: int) -> list[int]:
    top = 1 << (bits - 1)
    known = [0, 1, top - 1, top, 2 * top - 1, (1 << (BLOCK_BITS - 1)) % (2 * top)]
    return [*known, *(source.getrandbits(bits) for _ in range(30))]


@pytest.mark.parametrize(("operation", "left", "right", "width"), CASES)
def test_same_bits(operation: str, left: int, right: int, width: int) -> None:
    xls = pytest.importorskip("xls")
    source = random.Random(operation)
    package = xls.Package.parse_ir(both(operation, left, right, width)[0])
    function = package.get_function("f").to_jit()
    for a in corners(source, left):
        for b in [*corners(source, right), *range(min(1 << right, 16))]:
            arguments = [xls.Value.make_ubits(left, a), xls.Value.make_ubits(right, b)]
            found = function.run(arguments)
            wanted, got = (found.get_element(index).to_string() for index in range(2))
            assert wanted == got, (operation, a, b)


@pytest.mark.parametrize(("operation", "left", "right", "width"), CASES[: 2 * len(PRODUCTS)])
def test_partial_products_fit_a_block(operation: str, left: int, right: int, width: int) -> None:
    text, lines = both(operation, left, right, width)
    widths = {name: int(bits) for name, bits in re.findall(r"(\w+): bits\[(\d+)\]", text)}
    products = [re.search(r"mul\((\w+), (\w+)\)", line) for line in lines]
    sizes = [widths[name] for found in products if found for name in found.groups()]
    assert sizes and max(sizes) <= BLOCK_BITS


@pytest.mark.parametrize(("operation", "sign"), [("smul", 0), ("umul", 1)])
def test_two_products_of_bytes_share_a_long_block(operation: str, sign: int) -> None:
    widths = LONG_BITS - sign, SHORT_BITS - sign
    for left, right in (widths, widths[::-1]):
        operands = (Operand("a", left), Operand("b", right))
        assert lowered(operation, left + right, operands, lambda *_: "unused") is None


@pytest.mark.parametrize("operation", ["smul", "umul"])
def test_a_narrow_product_is_one_block(operation: str) -> None:
    _, lines = both(operation, 5, 9, 14)
    assert sum("mul(" in line for line in lines) == 1


def test_what_is_short_or_long_enough_stays_whole() -> None:
    for bits in (7, 64, 70):
        operands = (Operand("a", bits), Operand("b", bits))
        assert lowered("add", bits, operands, lambda *_: "unused") is None
