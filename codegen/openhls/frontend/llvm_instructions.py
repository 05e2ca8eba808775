# SPDX-License-Identifier: Apache-2.0
"""Instructions of LLVM IR.

Those of no interest are kept by name, without operands: only what the top function reaches is
translated, and the translation says what it cannot do, with the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from codegen.openhls.frontend.llvm_cursor import Cursor
from codegen.openhls.frontend.llvm_ir import Instruction, OtherConstant, TypedOperand
from codegen.openhls.frontend.llvm_types import IntegerType, PointerType
from codegen.openhls.frontend.llvm_values import (
    CASTS,
    plain_name,
    read_type,
    read_typed,
    read_value,
)

_BINARY = frozenset(
    [
        "add",
        "sub",
        "mul",
        "udiv",
        "sdiv",
        "urem",
        "srem",
        "shl",
        "lshr",
        "ashr",
        "and",
        "or",
        "xor",
        "fadd",
        "fsub",
        "fmul",
        "fdiv",
        "frem",
    ]
)
FLOATS = frozenset(("float", "double", "half", "bfloat", "fp128", "x86_fp80"))


def metadata_number(line: str, name: str) -> int | None:
    """Number of the metadata node that a line has under a name."""
    found = re.search(rf"!{name} !(\d+)", line)
    return int(found[1]) if found else None


def read_instruction(line: str) -> Instruction:
    """One instruction; one of no interest by name only."""
    debug, loop = metadata_number(line, "dbg"), metadata_number(line, "llvm.loop")
    cursor = Cursor(line)
    result = None
    if cursor.peek(1) == "=":
        result = plain_name(cursor.take())
        cursor.take()
    flags = cursor.flags()
    operation = cursor.take()
    read = _READERS.get(operation, _nothing)
    fields = read(cursor, cursor.flags() | flags)
    return Instruction(operation, result, debug=debug, loop=loop, **fields)  # type: ignore[arg-type]


_Fields = dict[str, object]


def _nothing(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    return {"flags": flags}


def _binary(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    type_ = read_type(cursor)
    first = read_value(cursor)
    cursor.accept(",")
    operands = (TypedOperand(type_, first), TypedOperand(type_, read_value(cursor)))
    return {"type": type_, "operands": operands, "flags": flags}


def _compare(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    predicate = cursor.take()
    return {**_binary(cursor, flags), "type": IntegerType(1), "predicate": predicate}


def _cast(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operand = read_typed(cursor)
    cursor.take()
    return {"type": read_type(cursor), "operands": (operand,), "flags": flags}


def _freeze(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operand = read_typed(cursor)
    return {"type": operand.type, "operands": (operand,)}


def _select(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operands = [read_typed(cursor)]
    while cursor.accept(",") and len(operands) < 3:
        operands.append(read_typed(cursor))
    return {"type": operands[-1].type, "operands": tuple(operands)}


def _phi(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    type_ = read_type(cursor)
    operands, labels = [], []
    while cursor.accept("["):
        operands.append(TypedOperand(type_, read_value(cursor)))
        cursor.accept(",")
        labels.append(plain_name(cursor.take()))
        cursor.accept("]")
        cursor.accept(",")
    return {"type": type_, "operands": tuple(operands), "labels": tuple(labels)}


def _branch(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operands = () if cursor.peek() == "label" else (read_typed(cursor),)
    cursor.accept(",")
    labels = []
    while cursor.accept("label"):
        labels.append(plain_name(cursor.take()))
        cursor.accept(",")
    return {"operands": operands, "labels": tuple(labels)}


def _switch(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operands = [read_typed(cursor)]
    cursor.until("label")
    labels = [plain_name(cursor.take())]
    cursor.accept("[")
    while cursor.peek() and cursor.peek() != "]":
        operands.append(read_typed(cursor))
        cursor.until("label")
        labels.append(plain_name(cursor.take()))
    return {"operands": tuple(operands), "labels": tuple(labels)}


def _alloca(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    source = read_type(cursor)
    variable = cursor.accept(",") and cursor.peek() != "align"
    operands = (read_typed(cursor),) if variable else ()
    return {"type": PointerType(), "source_type": source, "operands": operands}


def _element_pointer(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    source = read_type(cursor)
    operands = []
    while cursor.accept(",") and not cursor.peek().startswith("!"):
        operands.append(read_typed(cursor))
    return {"type": PointerType(), "source_type": source, "operands": tuple(operands)}


def _load(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    type_ = read_type(cursor)
    cursor.accept(",")
    return {"type": type_, "operands": (read_typed(cursor),), "flags": flags}


def _store(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    value = read_typed(cursor)
    cursor.accept(",")
    return {"type": value.type, "operands": (value, read_typed(cursor)), "flags": flags}


def _extract(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    operands = [read_typed(cursor)]
    indices = []
    while cursor.accept(",") and not cursor.peek().startswith("!"):
        if re.fullmatch(r"\d+", cursor.peek()):
            indices.append(int(cursor.take()))
        else:
            operands.append(read_typed(cursor))
    return {"operands": tuple(operands), "indices": tuple(indices)}


def _call(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    _attributes_before_type(cursor)
    type_ = read_type(cursor)
    if cursor.peek() == "asm":
        return {"type": type_, "operands": (TypedOperand(type_, OtherConstant("asm")),)}
    operands = [TypedOperand(PointerType(), read_value(cursor))]
    cursor.accept("(")
    while cursor.peek() and not cursor.accept(")"):
        if cursor.peek() == "metadata":
            cursor.until(")")
            break
        operands.append(read_typed(cursor))
        cursor.accept(",")
    return {"type": type_, "operands": tuple(operands), "flags": flags}


def _attributes_before_type(cursor: Cursor) -> None:
    """Return attributes such as `noundef`, `zeroext`, `range(i8 0, 3)`, `align 4`."""
    keep = FLOATS | {"void", "ptr", "metadata", "label", "token"}
    while re.fullmatch(r"[a-z_]+", cursor.peek()) and cursor.peek() not in keep:
        name = cursor.take()
        if cursor.peek() == "(":
            cursor.skip_group()
        elif name == "align":
            cursor.take()


def _return(cursor: Cursor, flags: frozenset[str]) -> _Fields:
    if cursor.peek() == "void":
        return {}
    return {"operands": (read_typed(cursor),)}


_READERS: dict[str, Callable[[Cursor, frozenset[str]], _Fields]] = {
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(CASTS, _cast),
    "icmp": _compare,
    "freeze": _freeze,
    "select": _select,
    "phi": _phi,
    "br": _branch,
    "switch": _switch,
    "alloca": _alloca,
    "getelementptr": _element_pointer,
    "load": _load,
    "store": _store,
    "extractvalue": _extract,
    "insertvalue": _extract,
    "call": _call,
    "ret": _return,
}
