# SPDX-License-Identifier: Apache-2.0
"""Instructions of LLVM IR to nodes of a graph.

Blocks are taken in topological order; each runs under the condition of the paths that lead to it.
"""

from __future__ import annotations

from collections.abc import Callable

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.frontend.llvm_ir import Instruction, Local
from codegen.openhls.frontend.llvm_types import IntegerType, OtherType, PointerType, StructType
from codegen.openhls.graph import Node
from codegen.openhls.translate.addresses import moved, pointer
from codegen.openhls.translate.arithmetic import BINARY, DIVISIONS, binary, compare
from codegen.openhls.translate.branches import block_condition, branch, phi, switch
from codegen.openhls.translate.call_instruction import call
from codegen.openhls.translate.memory import MemoryKind, MemoryObject, Pointer, PointerChoice, Value
from codegen.openhls.translate.translation import Translation, kernel_locations


def translate_blocks(translation: Translation) -> None:
    """Translate every block."""
    for label in translation.flow.order:
        translation.block = translation.memory.block = label
        translation.conditions[label] = block_condition(translation, label)
        for instruction in translation.function.blocks[label]:
            translation.instruction = instruction
            locations = kernel_locations(translation.module, instruction.debug)
            translation.graph.origin = locations[0] if locations else None
            _translate(translation, instruction)
    translation.instruction = None
    translation.memory.block = None
    translation.graph.origin = None


def _translate(translation: Translation, instruction: Instruction) -> None:
    operation = instruction.operation
    handler = _HANDLERS.get(operation)
    if handler is None:
        raise _unknown_instruction(translation, operation)
    if "volatile" in instruction.flags:
        raise translation.error(rules.VOLATILE, "a volatile object is accessed")
    if "atomic" in instruction.flags:
        raise translation.error(rules.ATOMIC, "an atomic object is accessed")
    value = handler(translation, instruction)
    if instruction.result is not None and value is not None:
        translation.values[instruction.result] = value


def _unknown_instruction(translation: Translation, operation: str) -> StyleError:
    if operation in ("fence", "cmpxchg", "atomicrmw"):
        return translation.error(rules.ATOMIC, "an atomic operation is used")
    if operation.startswith("f") or operation in ("sitofp", "uitofp"):
        return translation.error(rules.FLOATING_POINT, "floating-point arithmetic is used")
    if operation in ("ptrtoint", "inttoptr"):
        return translation.error(rules.STORED_POINTER, "a pointer is converted to or from a number")
    if operation in ("extractelement", "insertelement", "shufflevector"):
        return translation.error(rules.VECTOR, "a compiler vector is used")
    if operation == "va_arg":
        return translation.error(rules.CONSTRUCT, "a variable number of arguments is used")
    return translation.error(rules.CONSTRUCT, f"the construct (LLVM `{operation}`) has no hardware")


def _binary(translation: Translation, instruction: Instruction) -> Node:
    a, b = map(translation.node, instruction.operands)
    if instruction.operation in DIVISIONS and b.literal is None:
        sign = "/" if instruction.operation.endswith("div") else "%"
        raise translation.error(rules.DIVISION, f"`{sign}` by a value that varies")
    return binary(translation.graph, instruction.operation, a, b)


def _compare(translation: Translation, instruction: Instruction) -> Node:
    if isinstance(instruction.operands[0].type, PointerType):
        raise translation.error(rules.STORED_POINTER, "addresses are compared")
    a, b = map(translation.node, instruction.operands)
    return compare(translation.graph, instruction.predicate, a, b)


def _cast(translation: Translation, instruction: Instruction) -> Node:
    value = translation.node(instruction.operands[0])
    type_ = instruction.type
    if not isinstance(type_, IntegerType):
        raise translation.type_error(type_ or OtherType("unknown"))
    return translation.graph.resize(value, type_.width, instruction.operation == "sext")


def _freeze(translation: Translation, instruction: Instruction) -> Value:
    operand = instruction.operands[0]
    if isinstance(operand.type, PointerType):
        return pointer(translation, operand.value)
    return translation.node(operand)


def _select(translation: Translation, instruction: Instruction) -> Value:
    condition = translation.node(instruction.operands[0])
    if_true, if_false = instruction.operands[1:]
    if isinstance(instruction.type, PointerType):
        not_condition = translation.graph.negate(condition)
        return tuple(
            (translation.graph.both(outer, inner), place)
            for outer, operand in ((condition, if_true), (not_condition, if_false))
            for inner, place in pointer(translation, operand.value)
        )
    return translation.graph.select(
        condition, translation.node(if_true), translation.node(if_false)
    )


def _alloca(translation: Translation, instruction: Instruction) -> PointerChoice:
    layout, type_ = translation.module.layout, instruction.source_type
    count = 1
    if instruction.operands:
        node = translation.node(instruction.operands[0])
        if node.literal is None:
            raise translation.error(rules.VARIABLE_LENGTH, "an array has a length that varies")
        count = node.literal
    assert type_ is not None
    scalars = frozenset(offset for offset, _ in layout.scalars(type_)) if count == 1 else ()
    size = count * layout.size(type_)
    name = (instruction.result or "local").split(".")[0]
    item = MemoryObject(name, MemoryKind.LOCAL, size, frozenset(scalars))
    return ((translation.true, Pointer(item)),)


def _element_pointer(translation: Translation, instruction: Instruction) -> PointerChoice:
    base, *indices = instruction.operands
    assert instruction.source_type is not None
    return moved(
        translation, instruction.source_type, pointer(translation, base.value), tuple(indices)
    )


def _load(translation: Translation, instruction: Instruction) -> Node:
    if isinstance(instruction.type, PointerType):
        _reject_call_through(translation, instruction.result or "")
        pointer(translation, instruction.operands[0].value)  # a table of pointers has its own rule
    width = translation.width_of(instruction.type)
    return translation.load(pointer(translation, instruction.operands[0].value), width)


def _reject_call_through(translation: Translation, name: str) -> None:
    """Report what a pointer from memory is used for, if it ends up in a call."""
    for block in translation.function.blocks.values():
        for user in block:
            places = [item.value for item in user.operands].count(Local(name))
            if not places:
                continue
            if user.operation in ("load", "getelementptr"):
                _reject_call_through(translation, user.result or "")
            elif user.operation == "call":
                translation.instruction = user
                call(translation, user)


def _store(translation: Translation, instruction: Instruction) -> None:
    value, target = instruction.operands
    translation.width_of(value.type)
    translation.store(pointer(translation, target.value), translation.node(value))


def _extract(translation: Translation, instruction: Instruction) -> Value:
    operand = instruction.operands[0].value
    known = translation.values.get(operand.name) if isinstance(operand, Local) else None
    if not isinstance(known, tuple) or len(instruction.indices) != 1:
        raise translation.error(rules.CONSTRUCT, "part of a struct value is taken")
    return known[instruction.indices[0]]  # type: ignore[return-value]


def _insert(translation: Translation, instruction: Instruction) -> Value:
    whole, part = instruction.operands
    layout = translation.module.layout
    resolved = layout.resolve(whole.type)
    if not isinstance(resolved, StructType) or len(instruction.indices) != 1:
        raise translation.error(rules.CONSTRUCT, "part of a struct value is set")
    known = translation.values.get(whole.value.name) if isinstance(whole.value, Local) else None
    parts = (
        list(known)
        if isinstance(known, tuple)
        else [translation.graph.literal(translation.width_of(item), 0) for item in resolved.fields]
    )
    parts[instruction.indices[0]] = translation.node(part)
    return tuple(parts)  # type: ignore[return-value]


def _return(translation: Translation, instruction: Instruction) -> None:
    if instruction.operands:
        raise translation.error(rules.TOP_FUNCTION, "the top function returns a value")


def _unreachable(translation: Translation, instruction: Instruction) -> None:
    """Undefined behaviour in C++: nothing that happens here matters."""


_Handler = Callable[[Translation, Instruction], "Value | None"]
_HANDLERS: dict[str, _Handler] = {
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(("zext", "sext", "trunc"), _cast),
    "icmp": _compare,
    "freeze": _freeze,
    "select": _select,
    "phi": phi,
    "br": branch,
    "switch": switch,
    "alloca": _alloca,
    "getelementptr": _element_pointer,
    "load": _load,
    "store": _store,
    "extractvalue": _extract,
    "insertvalue": _insert,
    "ret": _return,
    "unreachable": _unreachable,
    "call": call,
}
