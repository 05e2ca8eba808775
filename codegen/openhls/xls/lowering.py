# SPDX-License-Identifier: Apache-2.0
"""Operations that XLS can only put into one stage, made of smaller ones that it can part.

XLS schedules whole operations by the delays of an ASIC. An FPGA needs more for three of them:

* A product that is wider than a multiplier block becomes partial products, of which each fits one
  block, and sums of them. A narrow one has all bits of a block, because it is not faster.
* A shift by a variable becomes one multiplexer per bit of the amount.
* A comparison of order is a subtraction, as long as its carry chain, and not as short as the tree
  of an ASIC.
* Most of a sum is the way into the carry chain and out of it, so a short one has the bits of a long
  one; synthesis drops those that nobody reads.

The sums and multiplexers are what synthesis makes of them in any case; now registers may stand
between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Bits of both operands of the smallest multiplier block (ECP5), signed: those of partial products.
BLOCK_BITS = 18
#: Bits of a short and a long operand, signed, that stay together: two products of bytes share one
#: DSP48E1. An ECP5 has two blocks and a short sum for it.
SHORT_BITS, LONG_BITS = 9, 25
#: Bits of a sum whose delay, as XLS sees it, is to a block's what it is on an FPGA.
SUM_BITS = 64
#: Numbers so short are compared by look-up tables.
_LOGIC_BITS = 7

#: Adds a line of IR: type and right-hand side; gives the name of the value.
AddLine = Callable[[str, str], str]


@dataclass(frozen=True)
class Operand:
    """A value and its bits."""

    name: str
    width: int


def lowered(operation: str, width: int, operands: Sequence[Operand], add: AddLine) -> str | None:
    """Name of the value of an operation, made of smaller ones; None if it stays as it is.

    Args:
        operation: as XLS IR calls it.
        width: bits of the result.
        add: takes the lines.
    """
    if operation in ("smul", "umul"):
        return _product(operation == "smul", width, operands, add)
    if operation in ("shll", "shrl", "shra"):
        return _shift(operation, width, operands, add)
    if operation in ("add", "sub") and _LOGIC_BITS < width < SUM_BITS:
        return _sum(operation, width, operands, add)
    if operation in _ORDERS and operands[0].width > _LOGIC_BITS:
        return _order(operation, operands, add)
    return None


def _bits(width: int) -> str:
    return f"bits[{width}]"


def _slice(value: Operand, start: int, width: int, add: AddLine) -> Operand:
    text = f"bit_slice({value.name}, start={start}, width={width})"
    return Operand(add(_bits(width), text), width)


def _extended(value: Operand, width: int, is_signed: bool, add: AddLine) -> Operand:
    if value.width == width:
        return value
    extension = "sign_ext" if is_signed else "zero_ext"
    text = f"{extension}({value.name}, new_bit_count={width})"
    return Operand(add(_bits(width), text), width)


def _product(is_signed: bool, width: int, operands: Sequence[Operand], add: AddLine) -> str | None:
    # A block takes unsigned numbers as signed ones with a zero on top.
    sign = 0 if is_signed else 1
    shorter, longer = sorted(item.width + sign for item in operands)
    if shorter <= SHORT_BITS and BLOCK_BITS < longer <= LONG_BITS:
        return None
    if longer <= BLOCK_BITS:
        return _block(is_signed, width, operands, add)
    terms = [
        (left_start + right_start, left, right)
        for left_start, left in _digits(operands[0], is_signed, add)
        for right_start, right in _digits(operands[1], is_signed, add)
        if left_start + right_start < width
    ]
    # Summed from below: what lies under a partial product is finished.
    terms.sort(key=lambda term: term[0])
    total: Operand | None = None
    done: list[Operand] = []
    at = 0
    for start, left, right in terms:
        if total is not None and start > at:
            done.append(_slice(total, 0, start - at, add))
            total = Operand(
                add(
                    _bits(width - start),
                    f"bit_slice({total.name}, start={start - at}, width={width - start})",
                ),
                width - start,
            )
            at = start
        needed = min(width - start, left.width + right.width)
        name = _block(True, needed, (left, right), add)
        partial = _extended(Operand(name, needed), width - start, True, add)
        if total is not None:
            name = _sum("add", width - start, (total, partial), add)
            partial = Operand(name, width - start)
        total = partial
    assert total is not None
    if not done:
        return total.name
    parts = ", ".join(item.name for item in (total, *reversed(done)))
    return add(_bits(width), f"concat({parts})")


def _sum(operation: str, width: int, operands: Sequence[Operand], add: AddLine) -> str:
    """A sum or difference of numbers of `width` bits."""
    long = max(width, SUM_BITS)
    left, right = (_extended(item, long, False, add) for item in operands)
    name = add(_bits(long), f"{operation}({left.name}, {right.name})")
    return _slice(Operand(name, long), 0, width, add).name


def _block(is_signed: bool, width: int, operands: Sequence[Operand], add: AddLine) -> str:
    """A product in one block, which is as slow for few bits as for many."""
    left, right = (_extended(item, BLOCK_BITS, is_signed, add) for item in operands)
    return add(_bits(width), f"smul({left.name}, {right.name})")


def _digits(value: Operand, is_signed: bool, add: AddLine) -> list[tuple[int, Operand]]:
    """Signed numbers of at most BLOCK_BITS bits, and the bits that they are shifted by."""
    digits = []
    start = 0
    step = BLOCK_BITS - 1
    while value.width - start > (BLOCK_BITS if is_signed else step):
        digits.append((start, _extended(_slice(value, start, step, add), BLOCK_BITS, False, add)))
        start += step
    rest = _slice(value, start, value.width - start, add)
    if not is_signed:
        rest = _extended(rest, rest.width + 1, False, add)
    return [*digits, (start, rest)]


def _shift(operation: str, width: int, operands: Sequence[Operand], add: AddLine) -> str | None:
    value, amount = operands
    if value.width != width or width == 1:
        return None
    useful = min(amount.width, (width - 1).bit_length())
    top = _slice(value, width - 1, 1, add)
    name = value.name
    for bit in range(useful):
        distance = 1 << bit
        chosen = _slice(amount, bit, 1, add).name
        rest = width - distance
        if rest <= 0:
            break
        kept = _slice(Operand(name, width), 0 if operation == "shll" else distance, rest, add).name
        if operation == "shra":
            fill = add(_bits(distance), f"sign_ext({top.name}, new_bit_count={distance})")
        else:
            fill = add(_bits(distance), "literal(value=0)")
        parts = (kept, fill) if operation == "shll" else (fill, kept)
        moved = add(_bits(width), f"concat({', '.join(parts)})")
        name = add(_bits(width), f"sel({chosen}, cases=[{name}, {moved}])")
    if amount.width > useful:
        above = _slice(amount, useful, amount.width - useful, add).name
        far = add("bits[1]", f"or_reduce({above})")
        if operation == "shra":
            fill = add(_bits(width), f"sign_ext({top.name}, new_bit_count={width})")
        else:
            fill = add(_bits(width), "literal(value=0)")
        name = add(_bits(width), f"sel({far}, cases=[{name}, {fill}])")
    return name


#: Order -> whether it is signed, whether the operands change places, whether it is inverted.
_ORDERS = {
    f"{sign}{order}": (sign == "s", order in ("gt", "le"), order in ("ge", "le"))
    for sign in "us"
    for order in ("lt", "gt", "le", "ge")
}


def _order(operation: str, operands: Sequence[Operand], add: AddLine) -> str:
    is_signed, swapped, inverted = _ORDERS[operation]
    width = operands[0].width + 1
    left, right = (_extended(item, width, is_signed, add) for item in operands)
    if swapped:
        left, right = right, left
    difference = Operand(_sum("sub", width, (left, right), add), width)
    below = _slice(difference, width - 1, 1, add).name
    return add("bits[1]", f"not({below})") if inverted else below
