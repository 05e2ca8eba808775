# SPDX-License-Identifier: Apache-2.0
"""The float64 model of a checkpoint with any of the integer model's roundings, one by one.

With all of them it gives the integer model's sums and logits bit for bit, where nothing saturates
(`tests/testing/test_rounded_model.py`); without any it is the float model. int8 codes are part of
both.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.convert.fixed_point_formats import gain_mantissas
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.golden.scalar_unit import CODE_LIMIT
from tritforge.language_model.golden.sigmoid import RANGE, SEGMENTS, sigmoid_table
from tritforge.language_model.image import Image
from tritforge.language_model.program import OperationKind
from tritforge.language_model.reference import FloatModel, FloatState, FloatTrace, sigmoid
from tritforge.language_model.wire.lower_bound import (
    BOUND_FRACTION,
    SLOW_BITS,
    decode_lower_bound,
)


class Rounding(str, Enum):
    """What the integer model rounds, beside the codes."""

    RESIDUAL = "residual"
    GAINS = "gains"
    OPERANDS = "operands"
    EPSILON = "epsilon"
    SCALARS = "scalars"
    PREACTIVATION = "preactivation"
    SIGMOID_ARGUMENT = "sigmoid-argument"
    SIGMOID = "sigmoid"
    FORGET_GATE = "forget-gate"
    STATE = "state"
    LOGIT = "logit"

    def __str__(self) -> str:
        return str(self.value)


EVERY_ROUNDING = frozenset(Rounding)


def half_up(values: FloatArray) -> FloatArray:
    """Nearest integers, halves up."""
    return np.floor(values + 0.5)


class RoundedModel(FloatModel):
    """Float64 decode step in the integer model's order of operations, with chosen roundings."""

    def __init__(
        self,
        source: FloatModel,
        image: Image,
        roundings: Iterable[Rounding] = EVERY_ROUNDING,
        more_bits: int = 0,
    ) -> None:
        """
        Args:
            source: float model of the checkpoint.
            image: of the same checkpoint, for its formats.
            roundings: those to apply.
            more_bits: shrinks every rounding error by that power of two, as so many more bits
                everywhere would.
        """
        super().__init__(*source.parts)
        self._roundings, self._error_share = frozenset(roundings), 2.0**-more_bits
        self._widths, self._fraction = image.header.widths, image.header.residual_fraction
        self._formats = image.operations()[1:]

    def embed(self, tokens: NDArray[np.integer]) -> FloatArray:
        """Embedding rows as residuals (batch, dim)."""
        return self._to(Rounding.RESIDUAL, super().embed(tokens), self._fraction)

    def token_mixer(
        self, state: FloatState, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """MLGRU and output projection, added to the residual; the trace stays empty."""
        index, epsilons = 4 * layer, self._epsilons
        floats, formats = self._operations[index], self._formats[index]
        sums, scales = self._sums(residual, self._fraction, index)
        argument = self._widths.sigmoid_argument_fraction
        state_fraction = argument + formats.shifts.others - self._widths.narrowing
        forget = self._preactivation(sums[0] * scales[0], argument + formats.shifts.forget)
        candidate = self._preactivation(sums[1] * scales[1], argument + formats.shifts.others)
        part = self._sigmoid(-forget)
        assert floats.lower_bound is not None and formats.lower_bound is not None
        new = self._to(Rounding.STATE, candidate * self._sigmoid(candidate), state_fraction)
        old = state.hidden[layer]
        headroom = decode_lower_bound(formats.lower_bound)
        finer = np.where(headroom.slow, SLOW_BITS, 0)
        bound = self._kept(
            Rounding.FORGET_GATE,
            (1 - floats.lower_bound) * 2.0 ** (BOUND_FRACTION + finer),
            headroom.mantissa,
        )
        closed = self._to(
            Rounding.FORGET_GATE, bound * 2.0**-BOUND_FRACTION * part, self._widths.sigmoid_fraction
        )
        step = self._to(Rounding.STATE, closed * (new - old), state_fraction)
        slowly = self._to(Rounding.STATE, step * 2.0**-SLOW_BITS, state_fraction)
        state.hidden[layer] = hidden = old + np.where(headroom.slow, slowly, step)
        gate = self._to(Rounding.STATE, hidden * self._sigmoid(hidden), state_fraction)
        mean = (sums[2] * sums[2]).mean(-1, keepdims=True) * scales[2] ** 2
        factor = scales[2] / np.sqrt(mean + epsilons.norm)
        return self._project(index + 1, residual, sums[2] * gate, state_fraction, factor)

    def channel_mixer(
        self, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """GLU and down projection, added to the residual; the trace stays empty."""
        index = 4 * layer + 2
        sums, scales = self._sums(residual, self._fraction, index)
        argument = self._widths.sigmoid_argument_fraction
        fraction = argument + self._formats[index].shifts.others
        gate = self._preactivation(sums[0] * scales[0], fraction)
        fraction -= self._widths.narrowing
        gate = self._to(Rounding.STATE, gate * self._sigmoid(gate), fraction)
        return self._project(index + 1, residual, sums[1] * gate, fraction, scales[0])

    def head(self, residual: FloatArray, trace: FloatTrace | None = None) -> FloatArray:
        """Logits (batch, vocabulary); the trace stays empty."""
        sums, scales = self._sums(residual, self._fraction, len(self._operations) - 1)
        return self._to(Rounding.LOGIT, sums[0] * scales[0], self._widths.logit_fraction)

    def _project(
        self,
        index: int,
        residual: FloatArray,
        product: FloatArray,
        fraction: int,
        factor: FloatArray,
    ) -> FloatArray:
        (sums,), (scale,) = self._sums(product, fraction, index, factor)
        return residual + self._to(Rounding.RESIDUAL, sums * scale, self._fraction)

    def _sums(
        self, x: FloatArray, fraction: int, index: int, factor: FloatArray | None = None
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """Raw sums (batch, rows) of every matrix of an operation, and what a unit is worth.

        Args:
            x: residual, or gated product of raw sums.
            factor: what makes the true product of it.
        """
        floats, formats = self._operations[index], self._formats[index]
        operands = Rounding.OPERANDS
        unit = 2.0 ** (fraction - formats.input_shift)
        t = self._round(operands, x * unit)
        norm, norm_factor = self._gain(floats.norm_gain)
        u_unit = 2.0**-formats.square_shift * norm_factor
        u = self._round(operands, t * norm * 2.0**-formats.square_shift)
        offset = self._epsilon(index, x, unit * u_unit, factor)
        square = (u * u).sum(-1, keepdims=True) + offset
        sums, scales = [], []
        for matrix in range(formats.matrices):
            output = min(matrix, len(formats.outputs) - 1)
            own = floats.own_gains[output]
            product = own if floats.norm_gain is None else own * floats.norm_gain
            gain, gain_factor = self._gain(product)
            v_unit = 2.0 ** -formats.outputs[output].value_shift * gain_factor
            v = self._round(operands, t * gain * 2.0 ** -formats.outputs[output].value_shift)
            absmax = np.abs(v).max(-1, keepdims=True)
            codes = np.clip(half_up(v * self._code_factor(absmax)), -CODE_LIMIT, CODE_LIMIT)
            scale = float(floats.weight_scales[output]) / CODE_LIMIT * u_unit / v_unit
            scale *= np.sqrt(formats.inputs)
            if formats.outputs[output].scale_mantissa:
                scale = self._kept(Rounding.EPSILON, scale, self._folded_scale(index, output))
            scales.append(self._multiplier(scale * absmax, square))
            sums.append((codes.astype(np.float32) @ self._matrices[index][matrix]).astype(float))
        return sums, scales

    def _gain(self, values: FloatArray | None) -> tuple[FloatArray, float]:
        """Mantissas of gains, and their unit."""
        if values is None:
            return np.ones(1), 1.0
        rounded, factor = gain_mantissas(values, self._widths.gain)
        return self._kept(Rounding.GAINS, values * factor, rounded), factor

    def _epsilon(
        self, index: int, x: FloatArray, unit: float, factor: FloatArray | None
    ) -> FloatArray:
        """What the sum of u * u gets for the epsilons (batch, 1)."""
        formats, epsilons = self._formats[index], self._epsilons
        if factor is not None:
            mean = epsilons.linear * _reciprocal(factor) ** 2
        else:
            mean = epsilons.linear * ((x * x).mean(-1, keepdims=True) + epsilons.norm)
        exact = mean * formats.inputs * unit * unit
        return self._kept(Rounding.EPSILON, exact, np.full_like(exact, formats.square_offset))

    def _folded_scale(self, index: int, output: int) -> float:
        """A scale as the image has it, with the share of the epsilons that goes with the input."""
        formats = self._formats[index]
        item = formats.outputs[output]
        argument = self._widths.sigmoid_argument_fraction
        fraction = {
            OperationKind.MIX: argument + formats.shifts[min(output, 1)],
            OperationKind.GLU: argument + formats.shifts.others,
            OperationKind.PROJECT: self._fraction,
            OperationKind.HEAD: self._widths.logit_fraction,
        }[formats.kind]
        return item.scale_mantissa * 2.0 ** -(item.scale_exponent + fraction)

    def _code_factor(self, absmax: FloatArray) -> FloatArray:
        """127 / absmax, to 17 significant bits as the scalar unit has it."""
        exact = CODE_LIMIT * _reciprocal(absmax)
        exponent = self._widths.reciprocal + np.frexp(absmax)[1] - 8
        rounded = np.ldexp(half_up(np.ldexp(exact, exponent)), -exponent)
        return self._kept(Rounding.SCALARS, exact, rounded)

    def _multiplier(self, numerator: FloatArray, square: FloatArray) -> FloatArray:
        """numerator / sqrt(square), with the scalar unit's truncations and roundings."""
        root = np.sqrt(square)
        exact = numerator * _reciprocal(root)
        bits, root_bits = self._widths.multiplier, self._widths.root
        root_left = root_bits - np.frexp(root)[1]
        root = np.floor(np.ldexp(root, root_left))
        left = bits + root_bits - np.frexp(numerator)[1]
        quotient = half_up(np.floor(np.ldexp(numerator, left)) * _reciprocal(root))
        too_wide = quotient >= 1 << bits
        quotient = np.where(too_wide, half_up(quotient / 2), quotient)
        rounded = np.ldexp(quotient, root_left - left + too_wide)
        return self._kept(Rounding.SCALARS, exact, rounded)

    def _preactivation(self, values: FloatArray, fraction: int) -> FloatArray:
        return self._to(Rounding.PREACTIVATION, values, fraction)

    def _sigmoid(self, x: FloatArray) -> FloatArray:
        fraction, bits = self._widths.sigmoid_argument_fraction, self._widths.sigmoid_fraction
        argument = np.abs(self._to(Rounding.SIGMOID_ARGUMENT, x, fraction))
        table = sigmoid_table(bits).astype(np.float64)
        places = np.minimum(argument * (SEGMENTS / RANGE), SEGMENTS)
        low = np.minimum(np.floor(places), SEGMENTS - 1).astype(int)
        rise = table[low + 1] - table[low]
        rounded = (table[low] + half_up(rise * (places - low))) * 2.0**-bits
        positive = self._kept(Rounding.SIGMOID, sigmoid(argument), rounded)
        return np.where(x < 0, 1 - positive, positive)

    def _kept(self, rounding: Rounding, exact: Any, rounded: Any) -> Any:
        """The exact values, the rounded ones, or values between them (`more_bits`)."""
        if rounding not in self._roundings:
            return exact
        if self._error_share == 1:
            return rounded
        return exact + (rounded - exact) * self._error_share

    def _round(self, rounding: Rounding, values: FloatArray) -> FloatArray:
        return cast(FloatArray, self._kept(rounding, values, half_up(values)))

    def _to(self, rounding: Rounding, values: FloatArray, fraction: int) -> FloatArray:
        """Values with so many fraction bits."""
        return self._round(rounding, values * 2.0**fraction) * 2.0**-fraction


def _reciprocal(values: FloatArray) -> FloatArray:
    """1 / values, 0 where they are 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)
