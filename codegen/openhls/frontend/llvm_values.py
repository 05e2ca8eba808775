# SPDX-License-Identifier: Apache-2.0
"""Types and operands of LLVM IR."""

from __future__ import annotations

import re

from codegen.openhls.frontend.llvm_cursor import Cursor
from codegen.openhls.frontend.llvm_ir import (
    Address,
    Aggregate,
    GlobalName,
    Integer,
    Local,
    Operand,
    OtherConstant,
    Text,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_types import (
    ArrayType,
    IntegerType,
    NamedType,
    OtherType,
    PointerType,
    StructType,
    Type,
)

CASTS = frozenset(
    [
        "trunc",
        "zext",
        "sext",
        "ptrtoint",
        "inttoptr",
        "bitcast",
        "fptoui",
        "fptosi",
        "uitofp",
        "sitofp",
        "fptrunc",
        "fpext",
    ]
)
_ZEROS = frozenset(("undef", "poison", "null", "zeroinitializer", "none"))


def read_type(cursor: Cursor) -> Type:
    """A type; of a function's type, what it returns."""
    token = cursor.take()
    result: Type
    if token == "ptr":
        if cursor.peek() == "addrspace":
            cursor.take()
            cursor.skip_group()
        result = PointerType()
    elif re.fullmatch(r"i\d+", token):
        result = IntegerType(int(token[1:]))
    elif token == "[":
        count = int(cursor.take())
        cursor.take()
        result = ArrayType(count, read_type(cursor))
        cursor.accept("]")
    elif token == "{" or (token == "<" and cursor.peek() == "{"):
        result = _struct(cursor, packed=token == "<")
    elif token == "<":
        count = int(cursor.take())
        cursor.take()
        element = read_type(cursor)
        cursor.accept(">")
        result = OtherType(f"vector of {count} {getattr(element, 'width', 'other')}-bit elements")
    elif token.startswith("%"):
        result = NamedType(token)
    else:
        result = OtherType(token)
    if cursor.peek() == "(":  # a function's type: of interest is what it returns
        cursor.skip_group()
    return result


def _struct(cursor: Cursor, packed: bool) -> StructType:
    if packed:
        cursor.take()
    fields: list[Type] = []
    while cursor.peek() and not cursor.accept("}"):
        fields.append(read_type(cursor))
        cursor.accept(",")
    if packed:
        cursor.accept(">")
    return StructType(tuple(fields), packed)


def read_attributes(cursor: Cursor) -> frozenset[str]:
    """Parameter attributes, up to a value, a comma or the end of the list."""
    found = set()
    while re.fullmatch(r"[a-z_]+", cursor.peek()) and not _is_value(cursor):
        name = cursor.take()
        found.add(name)
        if cursor.peek() == "(":
            cursor.skip_group()
        elif name == "align":
            cursor.take()
    return frozenset(found)


def _is_value(cursor: Cursor) -> bool:
    token = cursor.peek()
    return (
        token in _ZEROS
        or token in ("true", "false", "asm", "splat", "getelementptr")
        or (cursor.peek(1) == "(" and token in CASTS)
    )


def read_typed(cursor: Cursor) -> TypedOperand:
    """A type, attributes and a value."""
    type_ = read_type(cursor)
    attributes = read_attributes(cursor)
    return TypedOperand(type_, read_value(cursor), attributes)


def read_value(cursor: Cursor) -> Operand:
    """A value without its type."""
    token = cursor.take()
    if token.startswith("%"):
        return Local(plain_name(token))
    if token.startswith("@"):
        return GlobalName(plain_name(token))
    if re.fullmatch(r"-?\d+", token):
        return Integer(int(token))
    if token in ("true", "false"):
        return Integer(int(token == "true"))
    if token in _ZEROS:
        return Zero(token)
    if token.startswith('c"'):
        return Text(_bytes(token[2:-1]))
    if token == "getelementptr":
        return _constant_address(cursor)
    if token in ("[", "{") or (token == "<" and cursor.peek() == "{"):
        return _aggregate(cursor, packed=token == "<")
    if cursor.peek() == "(":
        return OtherConstant(f"{token} {cursor.skip_group()}")
    if token == "<":
        cursor.until(">")
    return OtherConstant(token)


def _constant_address(cursor: Cursor) -> Operand:
    cursor.flags()
    while cursor.peek() != "(":  # inrange(...) and the like
        cursor.take()
    cursor.take()
    source = read_type(cursor)
    cursor.accept(",")
    base = read_typed(cursor)
    indices = []
    while cursor.accept(","):
        indices.append(read_typed(cursor))
    cursor.accept(")")
    return Address(source, base.value, tuple(indices))


def _aggregate(cursor: Cursor, packed: bool) -> Aggregate:
    if packed:
        cursor.take()
    elements = []
    while cursor.peek() and cursor.peek() not in ("]", "}"):
        elements.append(read_typed(cursor))
        cursor.accept(",")
    cursor.take()
    if packed:
        cursor.accept(">")
    return Aggregate(tuple(elements))


def plain_name(token: str) -> str:
    """A name without its mark, quotes and escapes."""
    name = token[1:].strip('"')
    return _bytes(name).decode(errors="replace") if "\\" in name else name


def _bytes(text: str) -> bytes:
    """Bytes of a quoted text: a backslash stands before two digits or another backslash."""
    parts = re.split(r"\\(\\|[0-9A-Fa-f]{2})", text)
    pieces = [
        part.encode() if index % 2 == 0 else b"\\" if part == "\\" else bytes([int(part, 16)])
        for index, part in enumerate(parts)
    ]
    return b"".join(pieces)
