# SPDX-License-Identifier: Apache-2.0
"""Global variables: constant tables as bytes, static ones as registers with their reset values."""

from __future__ import annotations

import re

from codegen.openhls.frontend.llvm_ir import (
    Aggregate,
    GlobalVariable,
    Integer,
    Operand,
    Text,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_types import ArrayType, IntegerType, Layout, StructType, Type

#: What stands before a number in a mangled name that is no length: template arguments (Li8E),
#: substitutions (S0_, T0_) and integers of exact width (DB8_, DU8_).
_NUMBER = re.compile(rb"(?:L[a-z]n?|[ST]|DB|DU)$")


class NotNumbersError(Exception):
    """An initialiser holds something else than numbers."""


def initial_bytes(variable: GlobalVariable, layout: Layout) -> bytes:
    """The content of a variable before the first step.

    Raises:
        NotNumbersError: pointers, floating point, or only declared here.
    """
    content = bytearray(layout.size(variable.type))
    if variable.initial is None:
        raise NotNumbersError("it is only declared in this source")
    _fill(content, 0, variable.type, variable.initial, layout)
    return bytes(content)


def _fill(content: bytearray, offset: int, type_: Type, value: Operand, layout: Layout) -> None:
    type_ = layout.resolve(type_)
    if isinstance(value, Zero) and value.keyword != "null":
        return
    if isinstance(value, Integer) and isinstance(type_, IntegerType):
        size = -(-type_.width // 8)
        number = value.value % (1 << type_.width)
        content[offset : offset + size] = number.to_bytes(size, "little")
    elif isinstance(value, Text):
        if len(value.content) != layout.size(type_):
            raise ValueError(f"a text of {len(value.content)} bytes fills {layout.size(type_)}")
        content[offset : offset + len(value.content)] = value.content
    elif isinstance(value, Aggregate):
        for place, element in zip(_places(type_, layout), value.elements):
            _fill(content, offset + place, *_parts(element), layout)
    else:
        raise NotNumbersError("it holds a pointer or a floating-point number")


def _parts(element: TypedOperand) -> tuple[Type, Operand]:
    return element.type, element.value


def _places(type_: Type, layout: Layout) -> list[int]:
    if isinstance(type_, ArrayType):
        step = layout.size(type_.element)
        return [index * step for index in range(type_.count)]
    if isinstance(type_, StructType):
        return [offset for offset, _ in layout.fields(type_)]
    return []


def source_name(symbol: str) -> str:
    """The name in C++ of a mangled variable: the last part of `_ZZ3topE5state`.

    Lengths in mangled names count bytes of UTF-8. The flag `_ZGVZ3topE5state`, whether a static
    variable has had its first value, is called `state_is_made`.
    """
    name, encoded = symbol, symbol.encode()
    if symbol.startswith("_Z"):
        position = 0
        for found in re.finditer(rb"\d+", encoded):
            start, length = found.end(), int(found[0])
            if found.start() < position or _NUMBER.search(encoded[position : found.start()]):
                continue
            if start + length <= len(encoded) and length:
                position = start + length
                name = encoded[start:position].decode(errors="replace")
    if symbol.startswith("_ZGV"):
        name += "_is_made"
    suffix = re.search(r"\.(\d+(?:\.\d+)*)$", symbol)  # a part that clang split off
    if suffix:
        name = name.split(".")[0] + "_" + suffix[1].replace(".", "_")
    return re.sub(r"\W", "_", name)
