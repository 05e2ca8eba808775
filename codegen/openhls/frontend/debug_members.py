# SPDX-License-Identifier: Apache-2.0
"""Names of the members of a C++ object by their place in it, from debug metadata.

A register is then called `state_square_sum` in waveforms and timing reports, not `state_8`.
"""

from __future__ import annotations

import re

from codegen.openhls.frontend.llvm_debug import DebugInformation

_NUMBER = {name: re.compile(rf"\b{name}: (\d+)") for name in ("size", "offset", "count")}
#: Bit of a variable at which a part of it begins that clang split off.
_FRAGMENT = re.compile(r"\bDW_OP_LLVM_fragment, (\d+),")
_TAG = re.compile(r"\btag: DW_TAG_(\w+)")
_TRANSPARENT = ("typedef", "const_type", "volatile_type")
#: Integers of exact width are classes, whose own members say nothing.
_INTEGER_CLASSES = ("ap_",)
_DEEPEST = 64


def member_path(debug: DebugInformation, variable: int | None, offset: int) -> tuple[str, ...]:
    """Names and array indices that lead to a byte of a global variable.

    Args:
        variable: number of the variable's metadata.
        offset: in bytes.

    Returns:
        As `("lanes", "3", "square_sum")`; empty if the variable is a plain number or has no
        metadata.
    """
    fragment = _FRAGMENT.search(debug.text(variable))
    start = int(fragment[1]) if fragment else 0
    type_ = debug.reference(debug.reference(variable, "var"), "type")
    return tuple(_path(debug, type_, start + 8 * offset))


def _path(debug: DebugInformation, type_: int | None, offset: int) -> list[str]:
    names: list[str] = []
    for _ in range(_DEEPEST):
        text = debug.text(type_)
        tag = _TAG.search(text)
        kind = tag[1] if tag else ""
        if kind in _TRANSPARENT:
            type_ = debug.reference(type_, "baseType")
        elif kind == "array_type":
            indices, offset = _indices(debug, type_, offset)
            names += indices
            type_ = debug.reference(type_, "baseType")
        elif kind in ("structure_type", "class_type"):
            member = _member(debug, type_, offset)
            if debug.name(type_).startswith(_INTEGER_CLASSES) or member is None:
                break
            offset -= _number(debug, member, "offset")
            names += [debug.name(member)] if debug.name(member) else []
            type_ = debug.reference(member, "baseType")
        else:
            break
    return names


def _member(debug: DebugInformation, type_: int | None, offset: int) -> int | None:
    """Member or base class that holds a bit of a class."""
    for item in debug.items(debug.reference(type_, "elements")):
        text = debug.text(item)
        tag = _TAG.search(text)
        if tag is None or tag[1] not in ("member", "inheritance") or "StaticMember" in text:
            continue
        start = _number(debug, item, "offset")
        size = _number(debug, item, "size") or _size(debug, debug.reference(item, "baseType"))
        if start <= offset < start + size:
            return item
    return None


def _indices(debug: DebugInformation, type_: int | None, offset: int) -> tuple[list[str], int]:
    """Indices of the element that holds a bit of an array, and the bit's place in it."""
    ranges = debug.items(debug.reference(type_, "elements"))
    counts = [_number(debug, item, "count") for item in ranges]
    size = _number(debug, type_, "size")
    indices = []
    for count in counts:
        if not count:
            return [], offset
        size //= count
        if not size:  # clang leaves out the size of an array of a nested class
            return [], offset
        indices.append(str(offset // size))
        offset %= size
    return indices, offset


def _size(debug: DebugInformation, type_: int | None) -> int:
    for _ in range(_DEEPEST):
        size = _number(debug, type_, "size")
        if size or type_ is None:
            return size
        type_ = debug.reference(type_, "baseType")
    return 0


def _number(debug: DebugInformation, number: int | None, name: str) -> int:
    found = _NUMBER[name].search(debug.text(number))
    return int(found[1]) if found else 0
