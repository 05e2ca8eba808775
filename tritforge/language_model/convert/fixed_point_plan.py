# SPDX-License-Identifier: Apache-2.0
"""The fixed-point formats of a whole model, from everything that the calibration text showed.

Every format keeps HEADROOM_BITS above the largest magnitude seen. The residual stream also keeps
room for every row of the embedding, and what a unit of a sum is worth fits the multiplier for any
input at all (`largest_multiplier`), not only for those seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tritforge.errors import CheckpointError
from tritforge.language_model.config import Widths
from tritforge.language_model.convert.calibration import CalibrationPass, SiteRanges
from tritforge.language_model.convert.fixed_point_formats import (
    SiteFormat,
    fraction_for_multiplier,
    integer_bits,
    largest_multiplier,
)
from tritforge.language_model.float_parameters import FloatArray, FloatOperation
from tritforge.language_model.image_header import RESIDUAL_FRACTIONS
from tritforge.language_model.program import ArgumentShifts, OperationKind, OperationShape
from tritforge.language_model.signals import Signal

#: Calibrated formats keep 2**3 headroom above the largest value seen.
HEADROOM_BITS = 3
#: Fraction bits of the forget gate below those of a sigmoid argument, where its scale allows it.
USUAL_FORGET_SHIFT = 5
#: Bits dropped from a scaled sum for which a GLU's pre-activations stay in 32 bits before they are
#: clamped, which lets every vector unit of a CPU scale them at full pace.
GATE_BITS_BELOW_MULTIPLIER = 9


@dataclass(frozen=True)
class FixedPointPlan:
    """Formats of a model.

    Attributes:
        residual_fraction: fraction bits of the residual stream.
        sites: formats of every operation but EMBED.
        headroom: least number of bits between the largest magnitude seen and the end of the
            format, by signal.
    """

    residual_fraction: int
    sites: tuple[SiteFormat, ...]
    headroom: dict[Signal, float]

    @classmethod
    def of(
        cls,
        items: Sequence[OperationShape],
        floats: Sequence[FloatOperation],
        calibration: CalibrationPass,
        column_maxima: FloatArray,
        widths: Widths,
    ) -> FixedPointPlan:
        """Choose every format.

        Args:
            items: the program, EMBED included.
            floats: its gains and scales, EMBED not among them.
            calibration: after the whole model.
            column_maxima: (dim,) largest magnitude of every element of the embedding's rows.

        Raises:
            CheckpointError: no format can hold the residual stream.
        """
        planner = _Planner(widths, column_maxima)
        pairs = list(zip(items[1:], floats, calibration.ranges))
        fraction = planner.residual_fraction(pairs, calibration)
        sites, activation_fraction = [], 0
        for item, parameters, ranges in pairs:
            if item.kind is OperationKind.PROJECT:
                site = planner.projection(ranges, activation_fraction, fraction)
            else:
                site = planner.of_residual(item, parameters, ranges, fraction)
                shift = site.shifts.others - widths.narrowing
                activation_fraction = widths.sigmoid_argument_fraction + shift
            planner.note(item, ranges, site)
            sites.append(site)
        return cls(fraction, tuple(sites), planner.headroom)

    def headroom_text(self) -> str:
        """One line for the header: signal and bits."""
        return ", ".join(f"{signal} {bits:.1f}" for signal, bits in self.headroom.items())


class _Planner:
    def __init__(self, widths: Widths, column_maxima: FloatArray) -> None:
        self._widths, self._columns = widths, column_maxima
        self.headroom: dict[Signal, float] = {}

    def residual_fraction(
        self,
        pairs: Sequence[tuple[OperationShape, FloatOperation, SiteRanges]],
        calibration: CalibrationPass,
    ) -> int:
        projections = [
            largest_multiplier(floats, 0, item.inputs)
            for item, floats, _ in pairs
            if item.kind is OperationKind.PROJECT
        ]
        seen = max(
            float(np.abs(calibration.residual).max(initial=0.0)),
            *(r.input for item, _, r in pairs if item.kind is not OperationKind.PROJECT),
        )
        bits = self._widths.residual - 1
        fraction = min(
            bits - integer_bits(self._with_embedding(seen, self._columns)),
            fraction_for_multiplier(max(projections), self._widths),
            RESIDUAL_FRACTIONS - 1,
        )
        if fraction < 0:
            raise CheckpointError(
                f"the residual stream reaches {seen:.3g} on the calibration text: "
                f"{self._widths.residual} bits cannot hold it"
            )
        largest = max(seen, float(self._columns.max(initial=0.0)))
        self._keep(Signal.RESIDUAL, largest * 2.0**fraction, self._widths.residual - 1)
        return fraction

    def of_residual(
        self, item: OperationShape, floats: FloatOperation, ranges: SiteRanges, fraction: int
    ) -> SiteFormat:
        """MIX, GLU and HEAD."""
        assert floats.norm_gain is not None
        widths, columns = self._widths, self._columns
        limit = self._with_embedding(ranges.input, columns)
        # Room for rows of the embedding that the text does not have.
        gain = np.abs(floats.norm_gain)
        own = np.abs(floats.own_gains)
        operand = min(widths.operand - 1 - integer_bits(limit), fraction)
        shifts = self._shifts(item, floats, ranges)
        return SiteFormat(
            fraction=operand,
            input_shift=fraction - operand,
            square_operand=self._with_embedding(ranges.square_operand, columns * gain),
            values=tuple(
                self._with_embedding(seen, columns * gain * own[k])
                for k, seen in enumerate(ranges.values)
            ),
            destinations=self._destinations(item.kind, shifts),
            shifts=shifts,
            constant_epsilon=ranges.constant_epsilon,
            proportional_epsilon=ranges.proportional_epsilon,
        )

    def projection(
        self, ranges: SiteRanges, activation_fraction: int, residual_fraction: int
    ) -> SiteFormat:
        """PROJECT: the raw sum has no fraction bits, the activation brings its own."""
        widths, room = self._widths, 2.0**HEADROOM_BITS
        # A product of that many bits less stays in 32 bits before it is clamped.
        spare = max(widths.gate_operand + widths.activation - 33, 0)
        operand = min(
            widths.operand - 1 - integer_bits(ranges.input * room), activation_fraction - spare
        )
        return SiteFormat(
            fraction=operand,
            input_shift=activation_fraction - operand,
            square_operand=ranges.square_operand * room,
            values=tuple(seen * room for seen in ranges.values),
            destinations=(residual_fraction,),
            constant_epsilon=ranges.constant_epsilon,
            proportional_epsilon=ranges.proportional_epsilon,
        )

    def note(self, item: OperationShape, ranges: SiteRanges, site: SiteFormat) -> None:
        """Headroom of one operation's signals, as its formats will have it."""
        widths, kind = self._widths, item.kind
        self._keep(Signal.OPERAND, ranges.input * 2.0**site.fraction, widths.operand - 1)
        for seen, destination in zip(ranges.multipliers, site.destinations):
            if destination is not None:
                self._keep(Signal.MULTIPLIER, seen * 2.0**destination, widths.multiplier)
        fraction = widths.sigmoid_argument_fraction + site.shifts.others
        results = ranges.results
        if kind is OperationKind.MIX:
            candidate = results[1] * 2.0**fraction
            self._keep(Signal.PREACTIVATION_CANDIDATE, candidate, widths.preactivation - 1)
            self._keep(Signal.GATE_OPERAND, results[2], widths.gate_operand - 1)
        elif kind is OperationKind.GLU:
            gate = results[0] * 2.0**fraction
            self._keep(Signal.PREACTIVATION_GATE, gate, widths.preactivation - 1)
            self._keep(Signal.UP_OPERAND, results[1], widths.gate_operand - 1)
        elif kind is OperationKind.HEAD:
            self._keep(Signal.LOGIT, results[0] * 2.0**widths.logit_fraction, widths.logit - 1)

    def _keep(self, signal: Signal, largest: float, bits: int) -> None:
        if largest > 0:
            found = bits - math.log2(largest)
            self.headroom[signal] = min(found, self.headroom.get(signal, math.inf))

    def _with_embedding(self, seen: float, columns: FloatArray) -> float:
        return max(seen * 2.0**HEADROOM_BITS, seen + float(columns.max(initial=0.0)))

    def _shifts(
        self, item: OperationShape, floats: FloatOperation, ranges: SiteRanges
    ) -> ArgumentShifts:
        """Formats of the pre-activations: as fine as range and multiplier allow."""
        if item.kind not in (OperationKind.MIX, OperationKind.GLU):
            return ArgumentShifts()
        widths, is_mix = self._widths, item.kind is OperationKind.MIX
        output = int(is_mix)
        limit = ranges.results[output] * 2.0**HEADROOM_BITS
        fraction = min(
            widths.preactivation - 1 - integer_bits(limit),
            fraction_for_multiplier(largest_multiplier(floats, output, item.inputs), widths),
        )
        if not is_mix and ranges.multipliers[output] > 0:
            bits = widths.multiplier - GATE_BITS_BELOW_MULTIPLIER
            fraction = min(fraction, math.floor(bits - math.log2(ranges.multipliers[output])))
        others = _within(fraction - widths.sigmoid_argument_fraction, widths.argument_shifts)
        if not is_mix:
            return ArgumentShifts(0, others)
        bound = fraction_for_multiplier(largest_multiplier(floats, 0, item.inputs), widths)
        usual = min(USUAL_FORGET_SHIFT, bound - widths.sigmoid_argument_fraction)
        return ArgumentShifts(_within(usual, widths.forget_shifts), others)

    def _destinations(self, kind: OperationKind, shifts: ArgumentShifts) -> tuple[int | None, ...]:
        """Fraction bits of every output; None where only the raw sums are used."""
        argument = self._widths.sigmoid_argument_fraction
        if kind is OperationKind.MIX:
            return argument + shifts.forget, argument + shifts.others, None
        if kind is OperationKind.GLU:
            return (argument + shifts.others,)
        return (self._widths.logit_fraction,)


def _within(value: int, limits: tuple[int, int]) -> int:
    return min(max(value, limits[0]), limits[1])
