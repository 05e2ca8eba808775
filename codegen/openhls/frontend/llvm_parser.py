# SPDX-License-Identifier: Apache-2.0
"""Reads LLVM IR text (clang 22) into the dataclasses of `llvm_ir`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codegen.openhls.frontend.llvm_cursor import Cursor
from codegen.openhls.frontend.llvm_debug import DebugInformation
from codegen.openhls.frontend.llvm_instructions import metadata_number, read_instruction
from codegen.openhls.frontend.llvm_ir import Function, GlobalVariable, Local, Module, Parameter
from codegen.openhls.frontend.llvm_types import Layout, Type
from codegen.openhls.frontend.llvm_values import plain_name, read_type, read_typed, read_value


def parse_module(text: str) -> Module:
    """Read LLVM IR text."""
    lines = iter(text.splitlines())
    structs: dict[str, Type] = {}
    variables: dict[str, GlobalVariable] = {}
    functions: dict[str, Function] = {}
    metadata: dict[int, str] = {}
    for line in lines:
        if line.startswith("!"):
            found = re.match(r"!(\d+) = (.*)", line)
            if found:
                metadata[int(found[1])] = found[2]
        elif line.startswith("%"):
            cursor = Cursor(line)
            name = cursor.take()
            cursor.until("type")
            structs[name] = read_type(cursor)
        elif line.startswith("@"):
            variable = _global(line)
            if variable:
                variables[variable.name] = variable
        elif line.startswith("define"):
            function = _function(line, lines)
            functions[function.name] = function
    return Module(Layout(structs), variables, functions, DebugInformation(metadata))


def _global(line: str) -> GlobalVariable | None:
    cursor = Cursor(line)
    name = plain_name(cursor.take())
    keywords = set()
    while cursor.peek() and cursor.peek() not in ("global", "constant", "alias", "ifunc"):
        keywords.add(cursor.take())
    kind = cursor.take()
    if kind not in ("global", "constant"):
        return None
    type_ = read_type(cursor)
    declared_only = "external" in keywords or "extern_weak" in keywords
    initial = None if declared_only or not cursor.peek() else read_value(cursor)
    debug = metadata_number(line, "dbg")
    return GlobalVariable(name, kind == "constant", type_, initial, debug)


def _function(line: str, lines: Iterator[str]) -> Function:
    cursor = Cursor(line)
    while cursor.peek(1) and not cursor.peek(1).startswith("@"):
        if cursor.peek() in ("[", "{", "<"):
            break
        cursor.take()
    return_type = read_type(cursor)
    name = plain_name(cursor.take())
    cursor.accept("(")
    parameters = []
    while cursor.peek() and not cursor.accept(")"):
        if cursor.accept("..."):
            continue
        operand = read_typed(cursor)
        label = operand.value.name if isinstance(operand.value, Local) else ""
        parameters.append(Parameter(label, operand.type, operand.attributes))
        cursor.accept(",")
    function = Function(name, return_type, tuple(parameters), {}, metadata_number(line, "dbg"))
    _body(function, lines)
    return function


def _body(function: Function, lines: Iterator[str]) -> None:
    label = "entry"
    block = function.blocks.setdefault(label, [])
    for line in lines:
        if line == "}":
            break
        stripped = line.strip()
        if not stripped or stripped.startswith((";", "#dbg_")):
            continue
        found = re.match(r'("[^"]*"|[\w.$-]+):', line)
        if found:
            label = found[1].strip('"')
            if not block and len(function.blocks) == 1:
                function.blocks.clear()
            block = function.blocks.setdefault(label, [])
            continue
        while stripped.count("[") > stripped.count("]"):  # a switch spans lines
            stripped += " " + next(lines).strip()
        block.append(read_instruction(stripped))
