# SPDX-License-Identifier: Apache-2.0
"""Random in-band programs and their packets, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.program import (
    RECORD_HEADER,
    ArgumentShifts,
    Operation,
    OperationKind,
    ScaledOutput,
    encode_operation,
    operation_shapes,
    shift_ranges,
)
from tritforge.language_model.wire.words import WORD, Words


def random_program(shape: ModelShape, seed: int = 0) -> list[Operation]:
    """Operations with random gains, shifts and scales."""
    generator, widths = np.random.default_rng(seed), Widths()

    def gains(count: int) -> np.ndarray:
        return generator.integers(-(2**15) + 1, 2**15, count).astype(np.int16)

    operations = []
    for item in operation_shapes(shape):
        embed = item.kind is OperationKind.EMBED
        operations.append(
            item.operation(
                input_shift=0 if embed else int(generator.integers(48)),
                square_shift=0 if embed else int(generator.integers(48)),
                norm_gain=gains(item.inputs) if item.has_norm_gain else None,
                outputs=tuple(
                    ScaledOutput(
                        gains(item.inputs),
                        int(generator.integers(48)),
                        int(generator.integers(1 << 17)),
                        int(generator.integers(-128, 128)),
                    )
                    for _ in range(item.outputs)
                ),
                lower_bound=generator.integers(0, 1 << 16, item.inputs).astype(np.uint16)
                if item.has_lower_bound
                else None,
                square_offset=0 if embed else int(generator.integers(1 << widths.square_sum)),
                shifts=ArgumentShifts(
                    *(
                        int(generator.integers(low, high + 1))
                        for low, high in shift_ranges(item.kind, widths).values()
                    )
                ),
            )
        )
    return operations


def packet_of(records: Sequence[bytes]) -> Words:
    return np.frombuffer(b"".join(records), WORD)


def packet_with(program: Sequence[Operation], index: int, field: str, value: int) -> Words:
    """The program's packet with one wrong header field; `output.K.NAME` is one of output K."""
    records = [encode_operation(item) for item in program]
    record = bytearray(records[index])
    header = np.frombuffer(record, RECORD_HEADER, 1)
    if field.startswith("output."):
        _, slot, name = field.split(".")
        header["output"][name][0, int(slot)] = value
    else:
        header[field] = value
    records[index] = bytes(record)
    return packet_of(records)
