# SPDX-License-Identifier: Apache-2.0
"""State of translating a function, and what all instructions need of it.

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
from codegen.openhls.errors import SourceLocation, StyleError
from codegen.openhls.frontend.llvm_ir import (
    Function,
    Instruction,
    Integer,
    Local,
    Module,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_types import IntegerType, OtherType, PointerType, Type
from codegen.openhls.graph import GraphBuilder, Node
from codegen.openhls.rules import Rule
from codegen.openhls.translate.control_flow import ControlFlow
from codegen.openhls.translate.memory import (
    Memory,
    MemoryKind,
    MemoryObject,
    OutsideError,
    Pointer,
    PointerChoice,
    TooManyChoicesError,
    Value,
)
from codegen.openhls.translate.ports import Port

#: Headers whose lines say nothing to the author of a kernel.
_SHIM_FILES = (
    "ap_axi_sdata.h",
    "ap_config.h",
    "ap_fixed",
    "ap_int",
    "ap_shift_reg.h",
    "ap_storage_",
    "ap_utils.h",
    "ap_wide_int.h",
    "hls_math.h",
    "hls_record.h",
    "hls_stream.h",
    "hls_vector.h",
    "ram.hpp",
)

_Result = TypeVar("_Result")


def kernel_locations(module: Module, debug: int | None) -> list[SourceLocation]:
    """The innermost line outside the shim, then the lines that called it, outwards."""
    locations = module.debug.locations(debug)
    while locations and PurePath(locations[0].file).name.startswith(_SHIM_FILES):
        locations.pop(0)
    return locations


def style_error(
    module: Module, function: Function, rule: Rule, detail: str, debug: int | None
) -> StyleError:
    """An error at the innermost line outside the shim; the callers' lines follow."""
    locations = kernel_locations(module, debug)
    if not locations:  # where clang merged several lines it keeps none
        whole = module.debug.subprogram_location(function.debug)
        locations = [whole] if whole else []
    location = locations[0] if locations else None
    return StyleError(rule, detail, location, tuple(dict.fromkeys(locations[1:])))


@dataclass
class LocalStream:
    """A stream that lives for one call (local_streams.py): the condition and value of each word."""

    words: list[tuple[Node, Node]] = field(default_factory=list)
    taken: int = 0


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
    local_streams: dict[tuple[str, int], LocalStream] = field(default_factory=dict)
    conditions: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Node] = field(default_factory=dict)
    block: str = ""
    instruction: Instruction | None = None

    def __post_init__(self) -> None:
        self.memory = Memory(self.graph, functools.cache(self.flow.exclusive))
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
            raise self.type_error(type_)
        if isinstance(value, Integer):
            return self.graph.literal(type_.width, value.value)
        if isinstance(value, Zero):
            return self.graph.literal(type_.width, 0)
        if isinstance(value, Local):
            known = self.values.get(value.name)
            if isinstance(known, Node):
                return known
        raise self.error(rules.STORED_POINTER, "an address is used as a number")

    def type_error(self, type_: Type) -> StyleError:
        """Why values of a type have no hardware."""
        if isinstance(type_, PointerType):
            return self.error(rules.STORED_POINTER, "a pointer is used as a value")
        name = type_.name if isinstance(type_, OtherType) else "a struct"
        if name.startswith("vector"):
            return self.error(rules.VECTOR, f"a {name} is used")
        if name in ("float", "double", "half", "bfloat", "fp128", "x86_fp80"):
            return self.error(rules.FLOATING_POINT, f"a value of type {name} is used")
        return self.error(rules.CONSTRUCT, f"a value of type {name} is used")

    def width_of(self, type_: Type | None) -> int:
        """Bits of an integer type."""
        if not isinstance(type_, IntegerType):
            raise self.type_error(type_ or OtherType("unknown"))
        return type_.width

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

    def store(self, choice: PointerChoice, value: Node) -> None:
        """Store under the condition of the current block."""
        for condition, place in choice:
            if place.base.kind in (MemoryKind.HANDLE, MemoryKind.TABLE, MemoryKind.INPUT):
                raise self.error(
                    rules.OTHER_MEMORY, f"{place.base.kind.value} {place.base.name} is written"
                )
            both = self.graph.both(self.conditions[self.block], condition)
            self._checked(functools.partial(self.memory.store, place, value, both))
