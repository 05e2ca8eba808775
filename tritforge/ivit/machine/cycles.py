# SPDX-License-Identifier: Apache-2.0
"""Cycle model of the I-ViT machine: what every operation takes, from its size and the lanes.

A model, not a measurement: FIFOs never run dry and the weight stream keeps up. Scores, Shiftmax and
context of a group of tokens and a head take turns; norms and ShiftGELU do not overlap with the
array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tritforge.ivit.config import NUMERATOR_BITS
from tritforge.ivit.machine.config import STREAM_BYTES, MachineConfig
from tritforge.ivit.machine.operations import Operation, OperationKind, operations
from tritforge.ivit.shape import VisionShape, VisionUnits

#: Steps from the last write to the first read of a memory (`kRamSettleSteps` of ram.hpp).
SETTLE_STEPS = 8


@dataclass(frozen=True)
class OperationCycles:
    """Cycles of one operation.

    Attributes:
        array: in which the array is at work or waits for its own sums to leave.
        rows: in which a row unit is at work.
        loading: in which nothing but weights moves.
        total: from its first to its last cycle.
        ideal: multiply-adds over lanes.
    """

    array: int
    rows: int
    loading: int
    total: int
    ideal: float


def operation_cycles(
    operation: Operation, shape: VisionShape, config: MachineConfig
) -> OperationCycles:
    """Cycles of one operation of a model.

    Args:
        shape: of the model, which may be smaller than the machine.
    """
    lanes = config.token_lanes * config.feature_lanes
    ideal = operation.multiply_adds / lanes
    rows = operation.tokens * _row_steps(operation, shape, config)
    if operation.kind is OperationKind.ATTENTION:
        groups = operation.heads * -(-operation.tokens // config.token_lanes)
        array = groups * _attention_group(operation, config)
        rows *= operation.heads
        # Every one of the three begins behind the last word of the one before.
        total = array + rows + groups * (2 * config.drain_beats + 3 * SETTLE_STEPS)
        return OperationCycles(array, rows, 0, total, ideal)
    if not operation.has_weights:
        return OperationCycles(0, rows, 0, rows + SETTLE_STEPS, ideal)
    slices = -(-operation.features // config.feature_lanes)
    groups = -(-operation.tokens // config.token_lanes)
    tile = max(operation.inputs, config.drain_beats)
    load = operation.inputs * -(-config.feature_lanes // STREAM_BYTES)
    # The next slice is loaded while one is in use; the first one is waited for.
    late = max(0, load - groups * tile)
    loading = load + (slices - 1) * late + slices * SETTLE_STEPS
    array = slices * groups * tile
    return OperationCycles(array, 0, loading, array + loading + config.drain_beats, ideal)


def _attention_group(operation: Operation, config: MachineConfig) -> int:
    """Cycles of the array for one head of one group of tokens."""
    scores = -(-operation.tokens // config.feature_lanes)
    context = -(-operation.inputs // config.feature_lanes)
    drain = config.drain_beats
    return scores * max(operation.inputs, drain) + context * max(
        config.probability_digits * operation.tokens, drain
    )


def _row_steps(operation: Operation, shape: VisionShape, config: MachineConfig) -> int:
    """Steps from row to row in its row unit (docs/ivit-units.md); 0 where there is none.

    Rows overlap: the slowest station of a unit takes a row over every so many steps.
    """
    units = VisionUnits(shape, config.widths)
    words = -(-operation.inputs // config.elements)
    if operation.kind is OperationKind.NORM:
        norm = units.layer_norm
        row = -(-operation.inputs // config.norm_elements)
        return max(row + 1, -(-(norm.scalar_steps + 1) // config.row_units[2].roots))
    if operation.kind is OperationKind.ATTENTION:
        return max(-(-operation.tokens // config.elements), NUMERATOR_BITS) + 1
    if operation.kind is OperationKind.GELU:
        return max(words, units.shiftgelu.argument_bits + 2) + 1
    return 0


@dataclass(frozen=True)
class ImageCycles:
    """Cycles of one image.

    Attributes:
        by_kind: kind of operation -> how often, and the sum of its cycles.
    """

    by_kind: Mapping[OperationKind, tuple[int, OperationCycles]]

    @property
    def total(self) -> int:
        """Cycles of one image."""
        return sum(item.total for _, item in self.by_kind.values())

    def images_per_second(self, clock_mhz: float) -> float:
        """Images per second at a clock."""
        return clock_mhz * 1e6 / self.total


def image_cycles(shape: VisionShape, config: MachineConfig) -> ImageCycles:
    """Cycles of one image of a model, by kind of operation.

    Raises:
        ConfigurationError: the machine is too small for the model.
    """
    config.check_model(shape, config.widths)
    found: dict[OperationKind, tuple[int, OperationCycles]] = {}
    for operation in operations(shape):
        one = operation_cycles(operation, shape, config)
        count, sum_ = found.get(operation.kind, (0, OperationCycles(0, 0, 0, 0, 0)))
        found[operation.kind] = (
            count + 1,
            OperationCycles(
                sum_.array + one.array,
                sum_.rows + one.rows,
                sum_.loading + one.loading,
                sum_.total + one.total,
                sum_.ideal + one.ideal,
            ),
        )
    return ImageCycles(found)
