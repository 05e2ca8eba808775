# SPDX-License-Identifier: Apache-2.0
"""The part of LLVM IR that the translation reads, as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

from codegen.openhls.frontend.llvm_debug import DebugInformation
from codegen.openhls.frontend.llvm_types import Layout, Type


@dataclass(frozen=True)
class Local:
    """%name: result of an instruction, or a parameter."""

    name: str


@dataclass(frozen=True)
class GlobalName:
    """@name: a global variable or a function."""

    name: str


@dataclass(frozen=True)
class Integer:
    """A constant number; undef, poison and zeroinitializer of an integer read as 0."""

    value: int


@dataclass(frozen=True)
class Text:
    """c"...": bytes."""

    content: bytes


@dataclass(frozen=True)
class Aggregate:
    """A constant array or struct, every element with its type."""

    elements: tuple[TypedOperand, ...]


@dataclass(frozen=True)
class Zero:
    """undef, poison, null or zeroinitializer."""

    keyword: str


@dataclass(frozen=True)
class Address:
    """A constant getelementptr: where in a global."""

    source_type: Type
    base: Operand
    indices: tuple[TypedOperand, ...]


@dataclass(frozen=True)
class OtherConstant:
    """A constant the translation does not know; the text is for messages."""

    text: str


Operand = Union[Local, GlobalName, Integer, Text, Aggregate, Zero, Address, OtherConstant]


@dataclass(frozen=True)
class TypedOperand:
    """A type, a value and the attributes between them (sret, byval, ...)."""

    type: Type
    value: Operand
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Instruction:
    """One instruction; what a field means depends on the operation.

    Attributes:
        operation: the keyword, e.g. `add`, `icmp`, `call`.
        result: name of the result, without %.
        type: type of the result; of the value for `store`.
        operands: values, in order; for `phi` the incoming ones, for `switch` the selector and the
            case values.
        labels: blocks of `br`, `switch` (default first) and `phi`.
        predicate: of `icmp`.
        source_type: of `getelementptr` and `alloca`.
        indices: of `extractvalue` and `insertvalue`.
        flags: keywords like `volatile` or `atomic`.
        debug: number of its !dbg location.
        loop: number of its !llvm.loop.
    """

    operation: str
    result: str | None = None
    type: Type | None = None
    operands: tuple[TypedOperand, ...] = ()
    labels: tuple[str, ...] = ()
    predicate: str = ""
    source_type: Type | None = None
    indices: tuple[int, ...] = ()
    flags: frozenset[str] = frozenset()
    debug: int | None = None
    loop: int | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function definition."""

    name: str
    type: Type
    attributes: frozenset[str] = frozenset()


@dataclass
class Function:
    """A function with a body: blocks in the order of the text, the entry first."""

    name: str
    return_type: Type
    parameters: tuple[Parameter, ...]
    blocks: dict[str, list[Instruction]] = field(default_factory=dict)
    debug: int | None = None


@dataclass(frozen=True)
class GlobalVariable:
    """A global.

    Attributes:
        initial: None for one that is only declared.
        debug: number of its metadata.
    """

    name: str
    constant: bool
    type: Type
    initial: Operand | None
    debug: int | None = None


@dataclass
class Module:
    """One translation unit."""

    layout: Layout
    globals: dict[str, GlobalVariable]
    functions: dict[str, Function]
    debug: DebugInformation
