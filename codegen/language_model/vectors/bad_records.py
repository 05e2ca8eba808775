# SPDX-License-Identifier: Apache-2.0
"""Records of the parameter stream that a machine must refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    VOCABULARY_RANGE,
    AcceleratorConfig,
)
from tritforge.language_model.program import (
    RECORD_HEADER,
    RECORD_MAGIC,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    Operation,
    OperationKind,
    encode_operation,
    scale_mantissa_range,
    shift_ranges,
    square_offset_range,
)


@dataclass(frozen=True)
class BadRecord:
    """A good record with a field of a wrong value.

    Attributes:
        index: of the record in its program.
        fields: name -> value; `output.K.NAME` is a field of output K.
    """

    name: str
    index: int
    fields: Mapping[str, int]

    def damage(self, record: bytes) -> bytes:
        """The record with its wrong fields."""
        header = np.frombuffer(record, RECORD_HEADER, 1).copy()
        for name, value in self.fields.items():
            if name.startswith("output."):
                _, slot, part = name.split(".")
                header["output"][part][0, int(slot)] = value
            else:
                header[name] = value
        return header.tobytes() + record[RECORD_HEADER.itemsize :]


def bad_records(config: AcceleratorConfig, program: Sequence[Operation]) -> Iterator[BadRecord]:
    """Every field of every operation.

    Args:
        program: of one layer; sizes above the smallest ones where the configuration allows it.
    """
    for index in range(len(program)):
        yield from _of_any(program[index], index)
        yield from _of_fields(config, program[index], index)
        yield from _of_sizes(config, program[index], index)


def bad_later_records(program: Sequence[Operation]) -> Iterator[BadRecord]:
    """What only a second layer can have wrong.

    Args:
        program: of two layers.
    """
    for index, item in enumerate(program):
        if item.layer == 1:
            name = f"{item.kind.name.lower()}_{index}"
            yield BadRecord(f"{name}_of_the_first_layer", index, {"layer": 0})
    glu = {"rows": program[7].rows + 1}
    yield BadRecord("glu_of_another_width", 7, glu)
    head = {"kind": int(OperationKind.HEAD)}
    yield BadRecord("head_with_a_layer", 5, head)


def _of_any(operation: Operation, index: int) -> Iterator[BadRecord]:
    name = f"{operation.kind.name.lower()}_{index}"
    yield BadRecord(f"{name}_magic", index, {"magic": RECORD_MAGIC ^ 1})
    yield BadRecord(f"{name}_magic_high", index, {"magic": RECORD_MAGIC ^ (1 << 15)})
    for kind in (0, max(OperationKind) + 1, int(operation.kind) + 128):
        yield BadRecord(f"{name}_of_kind_{kind}", index, {"kind": kind})
    for kind in OperationKind:
        if kind != operation.kind:
            yield BadRecord(f"{name}_instead_of_{kind.name}", index, {"kind": int(kind)})
    for layer in (operation.layer + 1, operation.layer + 256):
        yield BadRecord(f"{name}_of_layer_{layer}", index, {"layer": layer})


def _of_sizes(config: AcceleratorConfig, operation: Operation, index: int) -> Iterator[BadRecord]:
    name = f"{operation.kind.name.lower()}_{index}"
    shape, kind = config.shape, operation.kind
    inputs, rows = operation.inputs, operation.rows
    wrong = [("inputs", inputs + 1), ("inputs", inputs - 1), ("rows", rows + 1), ("rows", rows - 1)]
    if kind is OperationKind.EMBED:
        wrong = [("inputs", shape.dim + 1), ("inputs", DIM_RANGE[0] - 1)]
        wrong += [("rows", shape.vocabulary + 1), ("rows", VOCABULARY_RANGE[0] - 1)]
    elif kind is OperationKind.GLU:
        wrong[2:] = [("rows", shape.glu_width + 1), ("rows", GLU_RANGE[0] - 1)]
    # Numbers that are right in their low bits.
    wrong += [("inputs", inputs | 1 << bit) for bit in (16, 31)]
    wrong += [("rows", rows | 1 << bit) for bit in (18, 31)]
    wrong += [("inputs", 0), ("rows", 0)]
    for field, value in wrong:
        bad = f"{name}_with_{value}_{field}"
        yield BadRecord(bad, index, {field: value})


def _of_fields(config: AcceleratorConfig, operation: Operation, index: int) -> Iterator[BadRecord]:
    name = f"{operation.kind.name.lower()}_{index}"
    outputs, norm = len(operation.outputs), int(operation.norm_gain is not None)
    size = len(encode_operation(operation)) - RECORD_HEADER.itemsize
    wrong = [
        ("outputs", outputs + 1),
        ("outputs", outputs + 128),
        ("matrices", operation.matrices + 1),
        ("has_norm_gain", norm + 2),
        ("input_shift", SHIFT_RANGE[1] + 1),
        ("input_shift", (1 << 16) - 1),
        ("square_shift", SHIFT_RANGE[1] + 1),
        ("square_shift", (1 << 16) - 1),
        ("payload_bytes", size + 8),
        ("payload_bytes", size + 1),
        ("payload_bytes", size | 1 << 31),
    ]
    largest_offset = square_offset_range(config.widths)[1]
    wrong += [("square_offset", largest_offset + 1), ("square_offset", 1 << 63)]
    for field, (low, high) in shift_ranges(operation.kind, config.widths).items():
        wrong += [(field, high + 1), (field, 255), *([(field, low - 1)] if low else [])]
    # Either is right for a projection, but the payload's size says which it is.
    wrong.append(("has_norm_gain", 1 - norm))
    if outputs:
        wrong += [("outputs", outputs - 1), ("matrices", operation.matrices - 1)]
    for slot in range(outputs):
        mantissa = scale_mantissa_range(config.widths)[1]
        exponents = SCALE_EXPONENT_RANGE
        wrong += [
            (f"output.{slot}.value_shift", SHIFT_RANGE[1] + 1),
            (f"output.{slot}.value_shift", 1 << 15),
            (f"output.{slot}.scale_mantissa", mantissa + 1),
            (f"output.{slot}.scale_mantissa", 1 << 31),
            (f"output.{slot}.scale_exponent", exponents[1] + 1),
            (f"output.{slot}.scale_exponent", exponents[0] - 1),
        ]
    for field, value in wrong:
        bad = f"{name}_{field}_{value}"
        yield BadRecord(bad, index, {field: value})
