# SPDX-License-Identifier: Apache-2.0
"""Places that pointers lead to: static variables and tables, and offsets from them."""

from __future__ import annotations

from codegen.openhls import rules
from codegen.openhls.frontend.llvm_ir import (
    Address,
    GlobalName,
    Integer,
    Local,
    Operand,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_types import ArrayType, StructType, Type
from codegen.openhls.graph import Node
from codegen.openhls.translate.globals import NotNumbersError, initial_bytes, source_name
from codegen.openhls.translate.memory import (
    IndexTerm,
    MemoryKind,
    MemoryObject,
    Pointer,
    PointerChoice,
    Segment,
)
from codegen.openhls.translate.names import state_name
from codegen.openhls.translate.translation import Translation

#: Bits of one static variable that may become registers.
MAXIMUM_STATE_BITS = 65_536
#: Constants that an index may be chosen from to count as so many places.
_MAXIMUM_CONSTANTS = 64


def pointer(translation: Translation, operand: Operand) -> PointerChoice:
    """Places that a pointer operand may lead to, each with its condition.

    Raises:
        StyleError: where it leads is not known at compile time.
    """
    if isinstance(operand, Local):
        known = translation.values.get(operand.name)
        if isinstance(known, tuple) and known and isinstance(known[0], tuple):
            return known
    elif isinstance(operand, GlobalName):
        return ((translation.true, Pointer(global_object(translation, operand.name))),)
    elif isinstance(operand, Address):
        base = pointer(translation, operand.base)
        return moved(translation, operand.source_type, base, operand.indices)
    elif isinstance(operand, Zero):
        return ()
    raise translation.error(rules.STORED_POINTER, "an address comes from an unknown place")


def global_object(translation: Translation, name: str) -> MemoryObject:
    """A static variable or constant table of the source, with its first values.

    Raises:
        StyleError: it holds no numbers or is too large for registers.
    """
    if name in translation.objects:
        return translation.objects[name]
    variable = translation.module.globals.get(name)
    if variable is None:
        raise translation.error(rules.INDIRECT_CALL, f"the address of function {name} is used")
    taken = {item.name for item in translation.objects.values()}
    layout, readable = translation.module.layout, state_name(source_name(name), taken)
    try:
        content = initial_bytes(variable, layout)
    except NotNumbersError as error:
        rule = rules.STORED_POINTER
        if variable.constant or variable.initial is None:
            rule = rules.CONSTANT_TABLE if variable.initial else rules.OTHER_MEMORY
        raise translation.error(rule, f"{readable} has no value: {error}") from None
    scalars = list(layout.scalars(variable.type))
    kind = MemoryKind.TABLE if variable.constant else MemoryKind.STATE
    if kind is MemoryKind.STATE and 8 * len(content) > MAXIMUM_STATE_BITS:
        raise translation.error(
            rules.LARGE_STATE,
            f"static {readable} has {8 * len(content)} bits, "
            f"at most {MAXIMUM_STATE_BITS} become registers",
        )
    places = frozenset(offset for offset, _ in scalars)
    item = MemoryObject(readable, kind, len(content), places)
    for offset, type_ in scalars:
        size = layout.size(type_)
        number = int.from_bytes(content[offset : offset + size], "little")
        value = translation.graph.literal(8 * size, number)
        if kind is MemoryKind.STATE:
            value = translation.graph.leaf(f"{name}@{offset}", 8 * size)
        segment = Segment(offset, value)
        item.bytes.update(dict.fromkeys(range(offset, offset + size), segment))
    translation.objects[name] = item
    return item


def moved(
    translation: Translation, source: Type, choice: PointerChoice, indices: tuple[TypedOperand, ...]
) -> PointerChoice:
    """Places that lie `indices` into `choice`, by the rules of getelementptr.

    Args:
        source: type of what `choice` points to.
    """
    layout, offset, terms, type_ = translation.module.layout, 0, [], source
    chosen: list[tuple[Node, int]] = [(translation.true, 0)]
    for position, index in enumerate(indices):
        resolved = layout.resolve(type_)
        if position and isinstance(resolved, StructType):
            field_number = index.value.value if isinstance(index.value, Integer) else 0
            place, type_ = layout.fields(resolved)[field_number]
            offset += place
            continue
        if position and isinstance(resolved, ArrayType):
            type_ = resolved.element
        stride = layout.size(type_)
        node = translation.node(index)
        constants = _constants(translation, node)
        if node.literal is not None:
            offset += stride * _signed(node)
        elif constants is not None and len(chosen) == 1:
            chosen = [(condition, stride * value) for condition, value in constants]
        else:
            terms.append(_index_term(node, stride))
    return tuple(
        (translation.graph.both(outer, inner), place.moved(offset + more, terms))
        for outer, place in choice
        for inner, more in chosen
    )


def _constants(translation: Translation, node: Node) -> list[tuple[Node, int]] | None:
    """The few constants that an index is chosen from: clang made one of several places."""
    found: dict[int, Node] = {}
    stack, looked_at = [(translation.true, node)], 0
    while stack:
        condition, item = stack.pop()
        looked_at += 1
        if item.operation == "sel" and looked_at < 2 * _MAXIMUM_CONSTANTS:
            chooser, if_false, if_true = item.operands
            stack.append((translation.graph.both(condition, chooser), if_true))
            stack.append(
                (translation.graph.both(condition, translation.graph.negate(chooser)), if_false)
            )
        elif item.literal is None or looked_at > 2 * _MAXIMUM_CONSTANTS:
            return None
        else:
            value = _signed(item)
            before = found.get(value)
            found[value] = (
                condition if before is None else translation.graph.either(before, condition)
            )
    return [(condition, value) for value, condition in found.items()]


def _signed(node: Node) -> int:
    """The value of a literal, as two's complement."""
    value = node.literal or 0
    return value - (1 << node.width) if value >> (node.width - 1) else value


def _index_term(node: Node, stride: int) -> IndexTerm:
    """Undo a shift that scales an index by hand: `base + (i << 2)` counts elements of 4 bytes."""
    if stride == 1 and node.operation == "concat" and len(node.operands) == 2:
        rest, zeros = node.operands
        if zeros.literal == 0 and rest.operation in ("zero_ext", "sign_ext"):
            return IndexTerm(rest, 1 << zeros.width)
    return IndexTerm(node, stride)
