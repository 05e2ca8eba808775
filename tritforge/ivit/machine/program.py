# SPDX-License-Identifier: Apache-2.0
"""In-band program of a vision transformer: one record of five 64-bit words per operation.

    word  bits   field
    0     0-15   magic, "IV"
          16-23  kind (`OperationKind`)
          24-31  heads of values and attention, 1 otherwise
          32-47  tokens
          48-63  block, counted from 0; behind the last block their number
    1     0-31   inputs: numbers of a row that goes in; of attention: channels of a head
          32-63  features: numbers of a row that comes out
    2, 3  0-31   multiplier of the first and of the second factor for all channels
          32-39  shift
    4     0-31   |x0| of Shiftmax or ShiftGELU
          32-63  of values: channels of a head, which the machine keeps apart

The first factor is that of the patches, of the scores, of ShiftGELU or of a residual add's branch;
the second one that of the context or of a residual add's identity, which is 1 for the positions.
Fields without a meaning are 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError, ImageError
from tritforge.ivit.machine.operations import Operation, OperationKind, operations
from tritforge.ivit.parameters import Requantisation, VisionParameters
from tritforge.ivit.shape import VisionWidths

RECORD_WORDS = 5
MAGIC = 0x5649
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Factor:
    """multiplier / 2**shift for all channels; both 0 where an operation has none."""

    multiplier: int = 0
    shift: int = 0


@dataclass(frozen=True)
class Record:
    """What the machine is told of one operation.

    Attributes:
        block: of attention and MLP; their number for what comes behind them.
        first, second: factors for all channels.
        x0_magnitude: |x0| of a row unit, or 0.
    """

    operation: Operation
    block: int
    first: Factor = Factor()
    second: Factor = Factor()
    x0_magnitude: int = 0

    def to_words(self) -> list[int]:
        """The record as words."""
        operation = self.operation
        head = (MAGIC, operation.kind.value << 16, operation.heads << 24, operation.tokens << 32)
        return [
            sum(head) + (self.block << 48),
            operation.inputs + (operation.features << 32),
            *(factor.multiplier + (factor.shift << 32) for factor in (self.first, self.second)),
            self.x0_magnitude + (self._head_dim << 32),
        ]

    @property
    def _head_dim(self) -> int:
        operation = self.operation
        if operation.kind is not OperationKind.VALUE:
            return 0
        return operation.features // operation.heads

    @classmethod
    def from_words(cls, words: Words) -> Record:
        """Inverse of `to_words`.

        Raises:
            ImageError: no record, or an unknown kind.
        """
        first, sizes, *factors, x0_magnitude = (int(word) for word in words)
        if first & 0xFFFF != MAGIC or first >> 16 & 0xFF not in _KINDS:
            raise ImageError(f"word {first:#x} begins no record of an I-ViT program")
        operation = Operation(
            _KINDS[first >> 16 & 0xFF],
            inputs=sizes & 0xFFFFFFFF,
            features=sizes >> 32,
            tokens=first >> 32 & 0xFFFF,
            heads=first >> 24 & 0xFF,
        )
        one, other = (Factor(item & 0xFFFFFFFF, item >> 32 & 0xFF) for item in factors)
        return cls(operation, first >> 48, one, other, x0_magnitude & 0xFFFFFFFF)


_KINDS = {kind.value: kind for kind in OperationKind}
#: What positions are multiplied by.
_ONE = Factor(1, 0)


def records(parameters: VisionParameters) -> Iterator[Record]:
    """Records of one image, in order of computation."""
    norms = 0
    for operation in operations(parameters.shape):
        # Every block has two norms; the last norm stands behind all blocks.
        norms += operation.kind is OperationKind.NORM
        block = max(norms - 1, 0) // 2
        yield _record(operation, block, parameters)


def _record(operation: Operation, index: int, parameters: VisionParameters) -> Record:
    kind, widths = operation.kind, parameters.widths
    if kind is OperationKind.EMBED:
        patches = _factor(parameters.patch_embedding.patches, widths)
        return Record(operation, index, patches, _ONE)
    if index == len(parameters.blocks):
        return Record(operation, index)
    block = parameters.blocks[index]
    if kind is OperationKind.ATTENTION:
        attention = block.attention
        factors = _factor(attention.scores, widths), _factor(attention.context, widths)
        return Record(operation, index, *factors, x0_magnitude=int(attention.x0_magnitude[0]))
    if kind is OperationKind.GELU:
        x0_magnitude = int(block.mlp.x0_magnitude[0])
        gelu = _factor(block.mlp.gelu, widths)
        return Record(operation, index, gelu, x0_magnitude=x0_magnitude)
    if kind in (OperationKind.PROJECT, OperationKind.OUTPUT):
        add = block.residual1 if kind is OperationKind.PROJECT else block.residual2
        factors = _factor(add.branch, widths), _factor(add.identity, widths)
        return Record(operation, index, *factors)
    return Record(operation, index)


def shortened(factors: Requantisation, bits: int) -> Requantisation:
    """Factors with multipliers of at most `bits` bits beside their sign, equal as numbers.

    Parameters have mantissas of so many bits, but may have zeros behind them.

    Raises:
        ConfigurationError: a factor has no such form, because its shift would be negative.
    """
    multiplier = factors.multiplier.astype(np.int64)
    excess = np.maximum(np.frexp(np.abs(multiplier).astype(np.float64))[1] - bits, 0)
    shift = factors.shift.astype(np.int64) - excess
    if shift.min() < 0:
        worst = int(shift.argmin())
        raise ConfigurationError(
            f"factor {multiplier[worst]} / 2**{factors.shift[worst]} of channel {worst} is too "
            f"large for a multiplier of {bits} bits: quantise the model with wider multipliers"
        )
    return Requantisation((multiplier >> excess).astype(np.int32), shift.astype(np.uint8))


def _factor(values: Requantisation, widths: VisionWidths) -> Factor:
    short = shortened(values, widths.multiplier)
    return Factor(int(short.multiplier[0]), int(short.shift[0]))


def program_packet(parameters: VisionParameters) -> Words:
    """The packet of the in-band program: every record, one after the other."""
    return np.array(
        [word for record in records(parameters) for word in record.to_words()], np.uint64
    )
