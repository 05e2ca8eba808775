# SPDX-License-Identifier: Apache-2.0
"""Types of LLVM IR and how clang lays them out in memory on x86-64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

_LARGEST_ALIGNMENT = 16


@dataclass(frozen=True)
class IntegerType:
    """iN."""

    width: int


@dataclass(frozen=True)
class PointerType:
    """ptr."""


@dataclass(frozen=True)
class ArrayType:
    """[count x element]."""

    count: int
    element: Type


@dataclass(frozen=True)
class StructType:
    """{ ... }, or <{ ... }> without padding."""

    fields: tuple[Type, ...]
    packed: bool = False


@dataclass(frozen=True)
class NamedType:
    """A struct by name; `Layout` knows what is in it."""

    name: str


@dataclass(frozen=True)
class OtherType:
    """void, float, vectors, ...: carried along by name, never translated."""

    name: str


Type = Union[IntegerType, PointerType, ArrayType, StructType, NamedType, OtherType]
POINTER_BYTES = 8


def round_up(value: int, multiple: int) -> int:
    """Smallest multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Layout:
    """Sizes and offsets by the data layout of x86-64 (i64:64, i128:128)."""

    structs: dict[str, Type]

    def resolve(self, type_: Type) -> Type:
        """The struct behind a name."""
        return self.structs[type_.name] if isinstance(type_, NamedType) else type_

    def alignment(self, type_: Type) -> int:
        """Alignment in bytes."""
        type_ = self.resolve(type_)
        if isinstance(type_, IntegerType):
            return min(_LARGEST_ALIGNMENT, _power_of_two(-(-type_.width // 8)))
        if isinstance(type_, ArrayType):
            return self.alignment(type_.element)
        if isinstance(type_, StructType):
            return 1 if type_.packed else max((*map(self.alignment, type_.fields), 1))
        return POINTER_BYTES

    def size(self, type_: Type) -> int:
        """Bytes from one array element to the next."""
        type_ = self.resolve(type_)
        if isinstance(type_, IntegerType):
            return round_up(-(-type_.width // 8), self.alignment(type_))
        if isinstance(type_, ArrayType):
            return type_.count * self.size(type_.element)
        if isinstance(type_, StructType):
            end = max((offset + self.size(item) for offset, item in self.fields(type_)), default=0)
            return round_up(end, self.alignment(type_))
        return POINTER_BYTES

    def fields(self, type_: StructType) -> list[tuple[int, Type]]:
        """Offset in bytes and type of every field."""
        result: list[tuple[int, Type]] = []
        offset = 0
        for item in type_.fields:
            if not type_.packed:
                offset = round_up(offset, self.alignment(item))
            result.append((offset, item))
            offset += self.size(item)
        return result

    def scalars(self, type_: Type, start: int = 0) -> Iterator[tuple[int, Type]]:
        """Offset and type of everything that is not a struct or array, in order."""
        type_ = self.resolve(type_)
        if isinstance(type_, ArrayType):
            step = self.size(type_.element)
            for index in range(type_.count):
                yield from self.scalars(type_.element, start + index * step)
        elif isinstance(type_, StructType):
            for offset, item in self.fields(type_):
                yield from self.scalars(item, start + offset)
        else:
            yield start, type_


def _power_of_two(value: int) -> int:
    return 1 << (value - 1).bit_length()
