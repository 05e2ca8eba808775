# SPDX-License-Identifier: Apache-2.0
"""Instructions of LLVM IR to nodes of a graph.

Blocks are taken in topological order; each runs under the condition of the paths that lead to it.
Loads and stores go through `memory`, streams and RAMs through `ports`. Whatever is outside the
style is reported with the line of C++ that it came from.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeVar

from codegen.openhls import rules
from codegen.openhls.arithmetic import BINARY, DIVISIONS, binary, compare, intrinsic
from codegen.openhls.bodiless_calls import Value, bodiless_call
from codegen.openhls.calls import forbidden_call
from codegen.openhls.control_flow import ControlFlow
from codegen.openhls.errors import StyleError
from codegen.openhls.globals import NotNumbersError, initial_bytes, source_name
from codegen.openhls.llvm_ir import (
    Address,
    Function,
    GlobalName,
    Instruction,
    Integer,
    Local,
    Module,
    Operand,
    TypedOperand,
    Zero,
)
from codegen.openhls.llvm_types import (
    ArrayType,
    IntegerType,
    OtherType,
    PointerType,
    StructType,
    Type,
)
from codegen.openhls.memory import (
    IndexTerm,
    Memory,
    MemoryKind,
    MemoryObject,
    OutsideError,
    Pointer,
    PointerChoice,
    Segment,
    TooManyChoicesError,
)
from codegen.openhls.ports import (
    Port,
    port_call,
)
from codegen.openhls.rules import Rule
from codegen.openhls.xls_ir import GraphBuilder, Node

#: Bits of one static variable that may become registers.
MAXIMUM_STATE_BITS = 16_384
#: Headers whose lines say nothing to the author of a kernel.
_SHIM_FILES = ("ap_config.h", "ap_int_", "ap_storage_", "ap_wide_int.h", "hls_stream.h", "ram.hpp")

#: Constants that an index may be chosen from to count as so many places.
_MAXIMUM_CONSTANTS = 64

_Result = TypeVar("_Result")


def style_error(
    module: Module, function: Function, rule: Rule, detail: str, debug: int | None
) -> StyleError:
    """An error at the innermost line outside the shim; the callers' lines follow."""
    locations = module.debug.locations(debug)
    while locations and PurePath(locations[0].file).name.startswith(_SHIM_FILES):
        locations.pop(0)
    if not locations:  # where clang merged several lines it keeps none
        whole = module.debug.subprogram_location(function.debug)
        locations = [whole] if whole else []
    location = locations[0] if locations else None
    return StyleError(rule, detail, location, tuple(dict.fromkeys(locations[1:])))


@dataclass
class Translation:
    """State of translating one function."""

    module: Module
    function: Function
    flow: ControlFlow
    graph: GraphBuilder = field(default_factory=GraphBuilder)
    values: dict[str, Value] = field(default_factory=dict)
    objects: dict[str, MemoryObject] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    all_ports: dict[str, Port] = field(default_factory=dict)
    conditions: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Node] = field(default_factory=dict)
    block: str = ""
    instruction: Instruction | None = None

    def __post_init__(self) -> None:
        self.memory = Memory(self.graph)
        self.true = self.graph.literal(1, 1)

    # ---- errors -------------------------------------------------------------------------------

    def error(self, rule: Rule, detail: str, debug: int | None = None) -> StyleError:
        """An error at the current instruction, or at location number `debug`."""
        if debug is None and self.instruction is not None:
            debug = self.instruction.debug
        return style_error(self.module, self.function, rule, detail, debug)

    # ---- operands -----------------------------------------------------------------------------

    def node(self, operand: TypedOperand) -> Node:
        """An integer operand."""
        type_, value = operand.type, operand.value
        if not isinstance(type_, IntegerType):
            raise self._type_error(type_)
        if isinstance(value, Integer):
            return self.graph.literal(type_.width, value.value)
        if isinstance(value, Zero):
            return self.graph.literal(type_.width, 0)
        if isinstance(value, Local):
            known = self.values.get(value.name)
            if isinstance(known, Node):
                return known
        raise self.error(rules.STORED_POINTER, "an address is used as a number")

    def _type_error(self, type_: Type) -> StyleError:
        if isinstance(type_, PointerType):
            return self.error(rules.STORED_POINTER, "a pointer is used as a value")
        name = type_.name if isinstance(type_, OtherType) else "a struct"
        if name.startswith("vector"):
            return self.error(rules.VECTOR, f"a {name} is used")
        if name in ("float", "double", "half", "bfloat", "fp128", "x86_fp80"):
            return self.error(rules.FLOATING_POINT, f"a value of type {name} is used")
        return self.error(rules.CONSTRUCT, f"a value of type {name} is used")

    def pointer(self, operand: Operand) -> PointerChoice:
        """A pointer operand."""
        if isinstance(operand, Local):
            known = self.values.get(operand.name)
            if isinstance(known, tuple) and known and isinstance(known[0], tuple):
                return known
        elif isinstance(operand, GlobalName):
            return ((self.true, Pointer(self._global(operand.name))),)
        elif isinstance(operand, Address):
            return self._moved(operand.source_type, self.pointer(operand.base), operand.indices)
        elif isinstance(operand, Zero):
            return ()
        raise self.error(rules.STORED_POINTER, "an address comes from an unknown place")

    def _global(self, name: str) -> MemoryObject:
        if name in self.objects:
            return self.objects[name]
        variable = self.module.globals.get(name)
        if name.startswith("_ZGV"):
            raise self.error(
                rules.RUN_TIME_INITIALISER,
                f"static {source_name(name[4:])} gets its first value at run time",
            )
        if variable is None:
            raise self.error(rules.INDIRECT_CALL, f"the address of function {name} is used")
        layout, readable = self.module.layout, source_name(name)
        try:
            content = initial_bytes(variable, layout)
        except NotNumbersError as error:
            rule = rules.STORED_POINTER
            if variable.constant or variable.initial is None:
                rule = rules.CONSTANT_TABLE if variable.initial else rules.OTHER_MEMORY
            raise self.error(rule, f"{readable} has no value: {error}") from None
        scalars = list(layout.scalars(variable.type))
        kind = MemoryKind.TABLE if variable.constant else MemoryKind.STATE
        if kind is MemoryKind.STATE and 8 * len(content) > MAXIMUM_STATE_BITS:
            raise self.error(
                rules.LARGE_STATE,
                f"static {readable} has {8 * len(content)} bits, "
                f"at most {MAXIMUM_STATE_BITS} become registers",
            )
        places = frozenset(offset for offset, _ in scalars)
        item = MemoryObject(readable, kind, len(content), places)
        for offset, type_ in scalars:
            size = layout.size(type_)
            number = int.from_bytes(content[offset : offset + size], "little")
            value = self.graph.literal(8 * size, number)
            if kind is MemoryKind.STATE:
                value = self.graph.leaf(f"{name}@{offset}", 8 * size)
            segment = Segment(offset, value)
            item.bytes.update(dict.fromkeys(range(offset, offset + size), segment))
        self.objects[name] = item
        return item

    def _moved(
        self, source: Type, choice: PointerChoice, indices: tuple[TypedOperand, ...]
    ) -> PointerChoice:
        """getelementptr."""
        layout, offset, terms, type_ = self.module.layout, 0, [], source
        chosen: list[tuple[Node, int]] = [(self.true, 0)]
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
            node = self.node(index)
            constants = self._constants(node)
            if node.literal is not None:
                offset += stride * _signed(node)
            elif constants is not None and len(chosen) == 1:
                chosen = [(condition, stride * value) for condition, value in constants]
            else:
                terms.append(_index_term(node, stride))
        return tuple(
            (self.graph.both(outer, inner), place.moved(offset + more, terms))
            for outer, place in choice
            for inner, more in chosen
        )

    def _constants(self, node: Node) -> list[tuple[Node, int]] | None:
        """The few constants that an index is chosen from: clang made one of several places."""
        found: dict[int, Node] = {}
        stack, looked_at = [(self.true, node)], 0
        while stack:
            condition, item = stack.pop()
            looked_at += 1
            if item.operation == "sel" and looked_at < 2 * _MAXIMUM_CONSTANTS:
                chooser, if_false, if_true = item.operands
                stack.append((self.graph.both(condition, chooser), if_true))
                stack.append((self.graph.both(condition, self.graph.negate(chooser)), if_false))
            elif item.literal is None or looked_at > 2 * _MAXIMUM_CONSTANTS:
                return None
            else:
                value = _signed(item)
                before = found.get(value)
                found[value] = condition if before is None else self.graph.either(before, condition)
        return [(condition, value) for value, condition in found.items()]

    # ---- control flow -------------------------------------------------------------------------

    def run(self) -> None:
        """Translate every block."""
        for label in self.flow.order:
            self.block = label
            self.conditions[label] = self._condition(label)
            for instruction in self.function.blocks[label]:
                self.instruction = instruction
                self._translate(instruction)
        self.instruction = None

    def _condition(self, label: str) -> Node:
        if label in self.flow.same_condition:
            return self.conditions[self.flow.same_condition[label]]
        incoming = [self.edges[source, label] for source in self.flow.predecessors[label]]
        if not incoming:
            return self.true
        result = incoming[0]
        for condition in incoming[1:]:
            result = self.graph.either(result, condition)
        return result

    def _set_edge(self, target: str, condition: Node) -> None:
        key = (self.block, target)
        both = self.graph.both(self.conditions[self.block], condition)
        self.edges[key] = self.graph.either(self.edges[key], both) if key in self.edges else both

    def _branch(self, instruction: Instruction) -> None:
        if not instruction.operands:
            self._set_edge(instruction.labels[0], self.true)
            return
        condition = self.node(instruction.operands[0])
        self._set_edge(instruction.labels[0], condition)
        self._set_edge(instruction.labels[1], self.graph.negate(condition))

    def _switch(self, instruction: Instruction) -> None:
        selector = self.node(instruction.operands[0])
        any_case = self.graph.literal(1, 0)
        for case, label in zip(instruction.operands[1:], instruction.labels[1:]):
            here = self.graph.equal(selector, self.node(case))
            any_case = self.graph.either(any_case, here)
            self._set_edge(label, here)
        self._set_edge(instruction.labels[0], self.graph.negate(any_case))

    def _phi(self, instruction: Instruction) -> Value:
        incoming = [
            (self.edges[label, self.block], operand)
            for operand, label in zip(instruction.operands, instruction.labels)
            if (label, self.block) in self.edges
        ]
        if isinstance(instruction.type, PointerType):
            return tuple(
                (self.graph.both(condition, inner), place)
                for condition, operand in incoming
                for inner, place in self.pointer(operand.value)
            )
        result = self.node(incoming[0][1])
        for condition, operand in incoming[1:]:
            result = self.graph.select(condition, self.node(operand), result)
        return result

    # ---- instructions -------------------------------------------------------------------------

    def _translate(self, instruction: Instruction) -> None:
        operation = instruction.operation
        handler = _HANDLERS.get(operation)
        if handler is None:
            raise self._unknown_instruction(operation)
        if "volatile" in instruction.flags:
            raise self.error(rules.VOLATILE, "a volatile object is accessed")
        if "atomic" in instruction.flags:
            raise self.error(rules.ATOMIC, "an atomic object is accessed")
        value = handler(self, instruction)
        if instruction.result is not None and value is not None:
            self.values[instruction.result] = value

    def _unknown_instruction(self, operation: str) -> StyleError:
        if operation in ("fence", "cmpxchg", "atomicrmw"):
            return self.error(rules.ATOMIC, "an atomic operation is used")
        if operation.startswith("f") or operation in ("sitofp", "uitofp"):
            return self.error(rules.FLOATING_POINT, "floating-point arithmetic is used")
        if operation in ("ptrtoint", "inttoptr"):
            return self.error(rules.STORED_POINTER, "a pointer is converted to or from a number")
        if operation in ("extractelement", "insertelement", "shufflevector"):
            return self.error(rules.VECTOR, "a compiler vector is used")
        if operation == "va_arg":
            return self.error(rules.CONSTRUCT, "a variable number of arguments is used")
        return self.error(rules.CONSTRUCT, f"the construct (LLVM `{operation}`) has no hardware")

    def _binary(self, instruction: Instruction) -> Node:
        a, b = map(self.node, instruction.operands)
        if instruction.operation in DIVISIONS and b.literal is None:
            sign = "/" if instruction.operation.endswith("div") else "%"
            raise self.error(rules.DIVISION, f"`{sign}` by a value that varies")
        return binary(self.graph, instruction.operation, a, b)

    def _compare(self, instruction: Instruction) -> Node:
        if isinstance(instruction.operands[0].type, PointerType):
            raise self.error(rules.STORED_POINTER, "addresses are compared")
        a, b = map(self.node, instruction.operands)
        return compare(self.graph, instruction.predicate, a, b)

    def _cast(self, instruction: Instruction) -> Node:
        value = self.node(instruction.operands[0])
        type_ = instruction.type
        if not isinstance(type_, IntegerType):
            raise self._type_error(type_ or OtherType("unknown"))
        return self.graph.resize(value, type_.width, instruction.operation == "sext")

    def _freeze(self, instruction: Instruction) -> Value:
        operand = instruction.operands[0]
        if isinstance(operand.type, PointerType):
            return self.pointer(operand.value)
        return self.node(operand)

    def _select(self, instruction: Instruction) -> Value:
        condition = self.node(instruction.operands[0])
        if_true, if_false = instruction.operands[1:]
        if isinstance(instruction.type, PointerType):
            not_condition = self.graph.negate(condition)
            return tuple(
                (self.graph.both(outer, inner), place)
                for outer, operand in ((condition, if_true), (not_condition, if_false))
                for inner, place in self.pointer(operand.value)
            )
        return self.graph.select(condition, self.node(if_true), self.node(if_false))

    def _alloca(self, instruction: Instruction) -> PointerChoice:
        layout, type_ = self.module.layout, instruction.source_type
        count = 1
        if instruction.operands:
            node = self.node(instruction.operands[0])
            if node.literal is None:
                raise self.error(rules.VARIABLE_LENGTH, "an array has a length that varies")
            count = node.literal
        assert type_ is not None
        scalars = frozenset(offset for offset, _ in layout.scalars(type_)) if count == 1 else ()
        size = count * layout.size(type_)
        name = (instruction.result or "local").split(".")[0]
        item = MemoryObject(name, MemoryKind.LOCAL, size, frozenset(scalars))
        return ((self.true, Pointer(item)),)

    def _element_pointer(self, instruction: Instruction) -> PointerChoice:
        base, *indices = instruction.operands
        assert instruction.source_type is not None
        return self._moved(instruction.source_type, self.pointer(base.value), tuple(indices))

    def width_of(self, type_: Type | None) -> int:
        """Bits of an integer type."""
        if not isinstance(type_, IntegerType):
            raise self._type_error(type_ or OtherType("unknown"))
        return type_.width

    def _load(self, instruction: Instruction) -> Node:
        if isinstance(instruction.type, PointerType):
            self._reject_call_through(instruction.result or "")
            self.pointer(instruction.operands[0].value)  # a table of pointers has its own rule
        width = self.width_of(instruction.type)
        return self.load(self.pointer(instruction.operands[0].value), width)

    def _reject_call_through(self, name: str) -> None:
        """Report what a pointer from memory is used for, if it ends up in a call."""
        for block in self.function.blocks.values():
            for user in block:
                places = [item.value for item in user.operands].count(Local(name))
                if not places:
                    continue
                if user.operation in ("load", "getelementptr"):
                    self._reject_call_through(user.result or "")
                elif user.operation == "call":
                    self.instruction = user
                    self._call(user)

    def load(self, choice: PointerChoice, width: int) -> Node:
        """The value at a pointer."""
        values = [(condition, self._load_one(place, width)) for condition, place in choice]
        if not values:
            raise self.error(rules.STORED_POINTER, "a null pointer is read")
        result = values[0][1]
        for condition, value in values[1:]:
            result = self.graph.select(condition, value, result)
        return result

    def _load_one(self, place: Pointer, width: int) -> Node:
        if place.base.kind is MemoryKind.HANDLE:
            raise self.error(
                rules.OTHER_MEMORY, f"stream or RAM {place.base.name} is read like a variable"
            )
        return self._checked(lambda: self.memory.load(place, width))

    def _checked(self, action: Callable[[], _Result]) -> _Result:
        try:
            return action()
        except TooManyChoicesError as error:
            raise self.error(rules.LARGE_INDEX, str(error)) from None
        except OutsideError as error:
            raise self.error(rules.OTHER_MEMORY, f"access outside an object: {error}") from None

    def _store(self, instruction: Instruction) -> None:
        value, target = instruction.operands
        self.width_of(value.type)
        self.store(self.pointer(target.value), self.node(value))

    def store(self, choice: PointerChoice, value: Node) -> None:
        """Store under the condition of the current block."""
        for condition, place in choice:
            if place.base.kind in (MemoryKind.HANDLE, MemoryKind.TABLE, MemoryKind.INPUT):
                raise self.error(
                    rules.OTHER_MEMORY, f"{place.base.kind.value} {place.base.name} is written"
                )
            both = self.graph.both(self.conditions[self.block], condition)
            self._checked(functools.partial(self.memory.store, place, value, both))

    def _extract(self, instruction: Instruction) -> Value:
        operand = instruction.operands[0].value
        known = self.values.get(operand.name) if isinstance(operand, Local) else None
        if not isinstance(known, tuple) or len(instruction.indices) != 1:
            raise self.error(rules.CONSTRUCT, "part of a struct value is taken")
        return known[instruction.indices[0]]  # type: ignore[return-value]

    def _insert(self, instruction: Instruction) -> Value:
        whole, part = instruction.operands
        layout = self.module.layout
        resolved = layout.resolve(whole.type)
        if not isinstance(resolved, StructType) or len(instruction.indices) != 1:
            raise self.error(rules.CONSTRUCT, "part of a struct value is set")
        known = self.values.get(whole.value.name) if isinstance(whole.value, Local) else None
        parts = (
            list(known)
            if isinstance(known, tuple)
            else [self.graph.literal(self.width_of(item), 0) for item in resolved.fields]
        )
        parts[instruction.indices[0]] = self.node(part)
        return tuple(parts)  # type: ignore[return-value]

    def _return(self, instruction: Instruction) -> None:
        if instruction.operands:
            raise self.error(rules.TOP_FUNCTION, "the top function returns a value")

    def _unreachable(self, instruction: Instruction) -> None:
        """Undefined behaviour in C++: nothing that happens here matters."""

    # ---- calls --------------------------------------------------------------------------------

    def _call(self, instruction: Instruction) -> Value | None:
        callee = instruction.operands[0].value
        if not isinstance(callee, GlobalName):
            if isinstance(callee, (Local, Zero)):
                raise self.error(rules.INDIRECT_CALL, "a function is called through a pointer")
            raise self.error(rules.INLINE_ASSEMBLER, "inline assembler is used")
        name = callee.name
        call = port_call(name)
        if call is not None:
            return bodiless_call(self, call, instruction)
        if name.startswith("llvm."):
            return self._intrinsic(name, instruction)
        body = self.module.functions.get(name)
        inner = None if body is None else _own_call(body)
        raise self.error(*forbidden_call(name, body is not None), debug=inner)

    def _intrinsic(self, name: str, instruction: Instruction) -> Value | None:
        operands = instruction.operands[1:]
        if name.startswith(("llvm.lifetime", "llvm.assume", "llvm.dbg", "llvm.experimental")):
            return None
        if name.startswith(("llvm.memcpy", "llvm.memmove", "llvm.memset")):
            self._block_move(name, operands)
            return None
        if name.startswith("llvm.load.relative"):
            raise self.error(rules.CONSTANT_TABLE, "a table holds pointers")
        if name.startswith(("llvm.va_", "llvm.stacksave", "llvm.stackrestore")):
            rule = rules.CONSTRUCT if "va_" in name else rules.VARIABLE_LENGTH
            raise self.error(rule, f"{name} has no hardware")
        if any(isinstance(operand.type, OtherType) for operand in operands):
            raise self._type_error(
                next(operand.type for operand in operands if isinstance(operand.type, OtherType))
            )
        if name.startswith(("llvm.trap", "llvm.debugtrap", "llvm.ubsantrap")):
            raise self.error(rules.ASSERTION, "the step can end in a trap")
        values = [self.node(operand) for operand in operands]
        result = intrinsic(self.graph, name, values)
        if result is None:
            raise self.error(rules.CONSTRUCT, f"the operation {name} has no hardware")
        return result

    def _block_move(self, name: str, operands: tuple[TypedOperand, ...]) -> None:
        length = self.node(operands[2]).literal
        if length is None:
            raise self.error(rules.VARIABLE_LENGTH, "a copy has a length that varies")
        if length == 0:
            return
        target = self.pointer(operands[0].value)
        if name.startswith("llvm.memset"):
            byte = self.node(operands[1])
            value = self.graph.concat([byte] * length)
        else:
            value = self.load(self.pointer(operands[1].value), 8 * length)
        self.store(target, value)


def _own_call(function: Function) -> int | None:
    """Debug location of a call of a function in its own body."""
    for block in function.blocks.values():
        for instruction in block:
            callee = instruction.operands[0].value if instruction.operation == "call" else None
            if callee == GlobalName(function.name):
                return instruction.debug
    return None


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


_Handler = Callable[[Translation, Instruction], "Value | None"]
_T = Translation
_HANDLERS: dict[str, _Handler] = {
    **dict.fromkeys(BINARY, _T._binary),
    **dict.fromkeys(("zext", "sext", "trunc"), _T._cast),
    "icmp": _T._compare,
    "freeze": _T._freeze,
    "select": _T._select,
    "phi": _T._phi,
    "br": _T._branch,
    "switch": _T._switch,
    "alloca": _T._alloca,
    "getelementptr": _T._element_pointer,
    "load": _T._load,
    "store": _T._store,
    "extractvalue": _T._extract,
    "insertvalue": _T._insert,
    "ret": _T._return,
    "unreachable": _T._unreachable,
    "call": _T._call,
}
