# SPDX-License-Identifier: Apache-2.0
"""Which bits of every value matter, seen from what leaves the step.

A field of 24 bits lies in 32 bits of memory; only the bits that matter become registers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from codegen.openhls.graph import Node, topological_order

_BITWISE = frozenset(("and", "or", "xor", "not"))
#: A low bit of the result depends on bits at or below it only.
_LOW_ONLY = frozenset(("add", "sub", "umul", "neg"))


def demanded_bits(roots: Iterable[Node], feedback: Mapping[Node, Node]) -> dict[Node, int]:
    """Node -> mask of the bits that matter.

    Args:
        roots: values of which every bit matters.
        feedback: leaf of a register -> its next value, which matters as far as the leaf does.
    """
    start = list(roots)
    order, _ = topological_order([*start, *feedback.values()], lambda node: node.operands)
    masks: dict[Node, int] = dict.fromkeys(order, 0)
    for root in start:
        masks[root] = _ones(root.width)
    changed = True
    while changed:
        for node in reversed(order):
            _propagate(node, masks)
        changed = False
        for leaf, value in feedback.items():
            wanted = masks[value] | masks.get(leaf, 0)
            changed |= wanted != masks[value]
            masks[value] = wanted
    return masks


def _ones(width: int) -> int:
    return (1 << width) - 1


def _propagate(node: Node, masks: dict[Node, int]) -> None:
    mask = masks[node]
    if not mask:
        return
    operands = node.operands
    if node.operation == "concat":
        for part in reversed(operands):
            masks[part] |= mask & _ones(part.width)
            mask >>= part.width
    elif node.operation == "sel":
        masks[operands[0]] |= 1
        for case in operands[1:]:
            masks[case] |= mask
    elif node.operation == "array_index":
        masks[operands[0]] |= mask
        masks[operands[1]] = _ones(operands[1].width)
    elif node.operation == "array":
        for operand in operands:
            masks[operand] |= mask
    elif len(operands) == 1 and node.operation not in _LOW_ONLY:
        masks[operands[0]] |= _through_unary(node, mask)
    elif node.operation in _BITWISE:
        _through_bitwise(node, mask, masks)
    elif node.operation in _LOW_ONLY:
        for operand in operands:
            masks[operand] |= _ones(mask.bit_length())
    elif node.operation in ("shll", "shrl") and operands[1].literal is not None:
        amount = min(operands[1].literal, node.width)
        moved = mask >> amount if node.operation == "shll" else mask << amount
        masks[operands[0]] |= moved & _ones(node.width)
    else:
        for operand in operands:
            masks[operand] = _ones(operand.width)


def _through_unary(node: Node, mask: int) -> int:
    width = node.operands[0].width
    if node.operation == "bit_slice":
        return mask << int(str(node.attributes[0][1]))
    if node.operation == "sign_ext" and mask >> width:
        return mask & _ones(width) | 1 << (width - 1)
    if node.operation in ("zero_ext", "sign_ext", "not", "identity"):
        return mask & _ones(width)
    return _ones(width)


def _through_bitwise(node: Node, mask: int, masks: dict[Node, int]) -> None:
    for one, other in (node.operands, reversed(node.operands)):
        constant = other.literal
        wanted = mask
        if constant is not None and node.operation == "and":
            wanted &= constant
        elif constant is not None and node.operation == "or":
            wanted &= ~constant
        masks[one] |= wanted
