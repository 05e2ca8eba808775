# SPDX-License-Identifier: Apache-2.0
"""Reads LLVM IR text (clang 22) into the dataclasses of `llvm_ir`.

Instructions of no interest are kept by name, without operands: only what the top function reaches
is translated, and the translation says what it cannot do, with the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from codegen.openhls.llvm_debug import DebugInformation
from codegen.openhls.llvm_ir import (
    Address,
    Aggregate,
    Function,
    GlobalName,
    GlobalVariable,
    Instruction,
    Integer,
    Local,
    Module,
    Operand,
    OtherConstant,
    Parameter,
    Text,
    TypedOperand,
    Zero,
)
from codegen.openhls.llvm_types import (
    ArrayType,
    IntegerType,
    Layout,
    NamedType,
    OtherType,
    PointerType,
    StructType,
    Type,
)

_TOKEN = re.compile(
    r'c"(?:[^"])*"|[%@!]?"(?:[^"])*"|[%@$][\w.$-]+|!\w*|#\w+|-?\d+\.\d+(?:e[+-]?\d+)?|0x\w+|-?\d+'
    r"|[A-Za-z_][\w.]*|\.\.\.|[()\[\]{}<>,=*:|]"
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
_CASTS = frozenset(
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
_FLAGS = frozenset(
    [
        "nuw",
        "nsw",
        "exact",
        "disjoint",
        "nneg",
        "samesign",
        "inbounds",
        "tail",
        "musttail",
        "notail",
        "volatile",
        "atomic",
        "nusw",
        "fast",
        "nnan",
        "ninf",
        "nsz",
        "arcp",
        "contract",
        "afn",
        "reassoc",
        "fastcc",
        "ccc",
        "coldcc",
    ]
)
_ZEROS = frozenset(("undef", "poison", "null", "zeroinitializer", "none"))
_FLOATS = frozenset(("float", "double", "half", "bfloat", "fp128", "x86_fp80"))
_OPENING, _CLOSING = frozenset("([{<"), frozenset(")]}>")


class _Cursor:
    """Walks over the tokens of one line."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def peek(self, ahead: int = 0) -> str:
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._next += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self._next += 1
        return True

    def until(self, token: str) -> None:
        """Skip behind the next `token`."""
        while self.peek() and not self.accept(token):
            self._next += 1

    def skip_group(self) -> str:
        """Skip one balanced bracket; its text."""
        depth, start = 0, self._next
        while self.peek():
            token = self.take()
            depth += (token in _OPENING) - (token in _CLOSING)
            if depth == 0:
                break
        return " ".join(self._tokens[start : self._next])

    def flags(self) -> frozenset[str]:
        """Skip keywords between an operation and its first type."""
        found = set()
        while self.peek() in _FLAGS:
            found.add(self.take())
        return frozenset(found)


def _type(cursor: _Cursor) -> Type:
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
        result = ArrayType(count, _type(cursor))
        cursor.accept("]")
    elif token == "{" or (token == "<" and cursor.peek() == "{"):
        result = _struct(cursor, packed=token == "<")
    elif token == "<":
        count = int(cursor.take())
        cursor.take()
        element = _type(cursor)
        cursor.accept(">")
        result = OtherType(f"vector of {count} {getattr(element, 'width', 'other')}-bit elements")
    elif token.startswith("%"):
        result = NamedType(token)
    else:
        result = OtherType(token)
    if cursor.peek() == "(":  # a function's type: of interest is what it returns
        cursor.skip_group()
    return result


def _struct(cursor: _Cursor, packed: bool) -> StructType:
    if packed:
        cursor.take()
    fields: list[Type] = []
    while cursor.peek() and not cursor.accept("}"):
        fields.append(_type(cursor))
        cursor.accept(",")
    if packed:
        cursor.accept(">")
    return StructType(tuple(fields), packed)


def _attributes(cursor: _Cursor) -> frozenset[str]:
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


def _is_value(cursor: _Cursor) -> bool:
    token = cursor.peek()
    return (
        token in _ZEROS
        or token in ("true", "false", "asm", "splat", "getelementptr")
        or (cursor.peek(1) == "(" and token in _CASTS)
    )


def _typed(cursor: _Cursor) -> TypedOperand:
    type_ = _type(cursor)
    attributes = _attributes(cursor)
    return TypedOperand(type_, _value(cursor), attributes)


def _value(cursor: _Cursor) -> Operand:
    token = cursor.take()
    if token.startswith("%"):
        return Local(_plain(token))
    if token.startswith("@"):
        return GlobalName(_plain(token))
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


def _constant_address(cursor: _Cursor) -> Operand:
    cursor.flags()
    while cursor.peek() != "(":  # inrange(...) and the like
        cursor.take()
    cursor.take()
    source = _type(cursor)
    cursor.accept(",")
    base = _typed(cursor)
    indices = []
    while cursor.accept(","):
        indices.append(_typed(cursor))
    cursor.accept(")")
    return Address(source, base.value, tuple(indices))


def _aggregate(cursor: _Cursor, packed: bool) -> Aggregate:
    if packed:
        cursor.take()
    elements = []
    while cursor.peek() and cursor.peek() not in ("]", "}"):
        elements.append(_typed(cursor))
        cursor.accept(",")
    cursor.take()
    if packed:
        cursor.accept(">")
    return Aggregate(tuple(elements))


def _plain(token: str) -> str:
    return token[1:].strip('"')


def _bytes(text: str) -> bytes:
    parts = re.split(r"\\([0-9A-Fa-f]{2})", text)
    pieces = [
        bytes([int(part, 16)]) if index % 2 else part.encode() for index, part in enumerate(parts)
    ]
    return b"".join(pieces)


def _metadata_number(line: str, name: str) -> int | None:
    found = re.search(rf"!{name} !(\d+)", line)
    return int(found[1]) if found else None


def _instruction(line: str) -> Instruction:
    debug, loop = _metadata_number(line, "dbg"), _metadata_number(line, "llvm.loop")
    cursor = _Cursor(line)
    result = None
    if cursor.peek(1) == "=":
        result = _plain(cursor.take())
        cursor.take()
    flags = cursor.flags()
    operation = cursor.take()
    read = _READERS.get(operation, _nothing)
    fields = read(cursor, cursor.flags() | flags)
    return Instruction(operation, result, debug=debug, loop=loop, **fields)  # type: ignore[arg-type]


_Fields = dict[str, object]


def _nothing(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    return {"flags": flags}


def _binary(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    type_ = _type(cursor)
    first = _value(cursor)
    cursor.accept(",")
    operands = (TypedOperand(type_, first), TypedOperand(type_, _value(cursor)))
    return {"type": type_, "operands": operands, "flags": flags}


def _compare(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    predicate = cursor.take()
    return {**_binary(cursor, flags), "type": IntegerType(1), "predicate": predicate}


def _cast(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operand = _typed(cursor)
    cursor.take()
    return {"type": _type(cursor), "operands": (operand,), "flags": flags}


def _freeze(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operand = _typed(cursor)
    return {"type": operand.type, "operands": (operand,)}


def _select(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operands = [_typed(cursor)]
    while cursor.accept(",") and len(operands) < 3:
        operands.append(_typed(cursor))
    return {"type": operands[-1].type, "operands": tuple(operands)}


def _phi(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    type_ = _type(cursor)
    operands, labels = [], []
    while cursor.accept("["):
        operands.append(TypedOperand(type_, _value(cursor)))
        cursor.accept(",")
        labels.append(_plain(cursor.take()))
        cursor.accept("]")
        cursor.accept(",")
    return {"type": type_, "operands": tuple(operands), "labels": tuple(labels)}


def _branch(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operands = () if cursor.peek() == "label" else (_typed(cursor),)
    cursor.accept(",")
    labels = []
    while cursor.accept("label"):
        labels.append(_plain(cursor.take()))
        cursor.accept(",")
    return {"operands": operands, "labels": tuple(labels)}


def _switch(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operands = [_typed(cursor)]
    cursor.until("label")
    labels = [_plain(cursor.take())]
    cursor.accept("[")
    while cursor.peek() and cursor.peek() != "]":
        operands.append(_typed(cursor))
        cursor.until("label")
        labels.append(_plain(cursor.take()))
    return {"operands": tuple(operands), "labels": tuple(labels)}


def _alloca(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    source = _type(cursor)
    variable = cursor.accept(",") and cursor.peek() != "align"
    operands = (_typed(cursor),) if variable else ()
    return {"type": PointerType(), "source_type": source, "operands": operands}


def _element_pointer(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    source = _type(cursor)
    operands = []
    while cursor.accept(",") and not cursor.peek().startswith("!"):
        operands.append(_typed(cursor))
    return {"type": PointerType(), "source_type": source, "operands": tuple(operands)}


def _load(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    type_ = _type(cursor)
    cursor.accept(",")
    return {"type": type_, "operands": (_typed(cursor),), "flags": flags}


def _store(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    value = _typed(cursor)
    cursor.accept(",")
    return {"type": value.type, "operands": (value, _typed(cursor)), "flags": flags}


def _extract(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    operands = [_typed(cursor)]
    indices = []
    while cursor.accept(",") and not cursor.peek().startswith("!"):
        if re.fullmatch(r"\d+", cursor.peek()):
            indices.append(int(cursor.take()))
        else:
            operands.append(_typed(cursor))
    return {"operands": tuple(operands), "indices": tuple(indices)}


def _call(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    _attributes_before_type(cursor)
    type_ = _type(cursor)
    if cursor.peek() == "asm":
        return {"type": type_, "operands": (TypedOperand(type_, OtherConstant("asm")),)}
    operands = [TypedOperand(PointerType(), _value(cursor))]
    cursor.accept("(")
    while cursor.peek() and not cursor.accept(")"):
        if cursor.peek() == "metadata":
            cursor.until(")")
            break
        operands.append(_typed(cursor))
        cursor.accept(",")
    return {"type": type_, "operands": tuple(operands), "flags": flags}


def _attributes_before_type(cursor: _Cursor) -> None:
    """Return attributes such as `noundef`, `zeroext`, `range(i8 0, 3)`, `align 4`."""
    keep = _FLOATS | {"void", "ptr", "metadata", "label", "token"}
    while re.fullmatch(r"[a-z_]+", cursor.peek()) and cursor.peek() not in keep:
        name = cursor.take()
        if cursor.peek() == "(":
            cursor.skip_group()
        elif name == "align":
            cursor.take()


def _return(cursor: _Cursor, flags: frozenset[str]) -> _Fields:
    if cursor.peek() == "void":
        return {}
    return {"operands": (_typed(cursor),)}


_READERS: dict[str, Callable[[_Cursor, frozenset[str]], _Fields]] = {
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(_CASTS, _cast),
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
            cursor = _Cursor(line)
            name = cursor.take()
            cursor.until("type")
            structs[name] = _type(cursor)
        elif line.startswith("@"):
            variable = _global(line)
            if variable:
                variables[variable.name] = variable
        elif line.startswith("define"):
            function = _function(line, lines)
            functions[function.name] = function
    return Module(Layout(structs), variables, functions, DebugInformation(metadata))


def _global(line: str) -> GlobalVariable | None:
    cursor = _Cursor(line)
    name = _plain(cursor.take())
    keywords = set()
    while cursor.peek() and cursor.peek() not in ("global", "constant", "alias", "ifunc"):
        keywords.add(cursor.take())
    kind = cursor.take()
    if kind not in ("global", "constant"):
        return None
    type_ = _type(cursor)
    declared_only = "external" in keywords or "extern_weak" in keywords
    initial = None if declared_only or not cursor.peek() else _value(cursor)
    return GlobalVariable(name, kind == "constant", type_, initial)


def _function(line: str, lines: Iterator[str]) -> Function:
    cursor = _Cursor(line)
    while cursor.peek(1) and not cursor.peek(1).startswith("@"):
        if cursor.peek() in ("[", "{", "<"):
            break
        cursor.take()
    return_type = _type(cursor)
    name = _plain(cursor.take())
    cursor.accept("(")
    parameters = []
    while cursor.peek() and not cursor.accept(")"):
        if cursor.accept("..."):
            continue
        operand = _typed(cursor)
        label = operand.value.name if isinstance(operand.value, Local) else ""
        parameters.append(Parameter(label, operand.type, operand.attributes))
        cursor.accept(",")
    function = Function(name, return_type, tuple(parameters), {}, _metadata_number(line, "dbg"))
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
        block.append(_instruction(stripped))
