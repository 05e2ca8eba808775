# SPDX-License-Identifier: Apache-2.0
"""Float weights and activation scales to integer parameters, as upstream's modules do it.

Scales are float32 numbers and so are their products, sums excepted; a ratio of scales is float64.
Source: models/quantization_utils of zkkli/I-ViT (commit 380ba99): symmetric_linear_quantization_
params, linear_quantize, batch_frexp, QuantLinear, IntLayerNorm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError
from tritforge.fixed_point import symmetric_limit
from tritforge.ivit import sites
from tritforge.ivit.config import LayerNormConfig, RowUnitConfig
from tritforge.ivit.golden.shift_exponential import (
    SIGMOID_SCALE,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.parameters import (
    LARGEST_MULTIPLIER,
    LARGEST_SHIFT,
    Requantisation,
)
from tritforge.ivit.shape import BIAS_BITS, VisionUnits
from tritforge.ivit.tensors import Float32Array

Float64Array = NDArray[np.float64]

#: Upstream's smallest scale. An activation that has it never saw data: everything would saturate.
SMALLEST_SCALE = np.finfo(np.float32).eps
WEIGHT_BITS = 8


class WeightFormat(str, Enum):
    """How the weights of the blocks' linear layers are quantised.

    INT8: per output channel, symmetric, 8 bits (upstream). TERNARY: {-1, 0, 1} times the mean
    magnitude of the whole matrix, as the linear layers of the ternary language model
    (arXiv 2406.02528); patch embedding and classifier keep 8 bits.
    """

    INT8 = "int8"
    TERNARY = "ternary"

    def __str__(self) -> str:
        return str(self.value)


class ScaleFormat(str, Enum):
    """Which scales activations and weights may have.

    REAL: any (upstream). POWER_OF_TWO: the next power of two, so that every requantisation but
    those behind a LayerNorm is a shift.
    """

    REAL = "real"
    POWER_OF_TWO = "power-of-two"

    def __str__(self) -> str:
        return str(self.value)

    def apply(self, scale: Float32Array) -> Float32Array:
        """Scales of this format that cover the same range as the given ones."""
        if self is ScaleFormat.REAL:
            return scale
        mantissa, exponent = np.frexp(scale)
        return np.ldexp(np.float32(1), exponent - (mantissa == 0.5)).astype(np.float32)


def activation_scale(low: float, high: float, bits: int) -> np.float32:
    """Scale of a symmetric quantiser of `bits` signed bits for numbers in [low, high]."""
    magnitude = np.maximum(-np.float32(low), np.float32(high))
    scale: np.float32 = magnitude / np.float32(symmetric_limit(bits))
    return np.maximum(scale, np.float32(SMALLEST_SCALE))


def quantise_real(x: Float32Array, scale: Float32Array | np.float32, bits: int) -> NDArray[Any]:
    """clamp(round_half_even(x / scale)) to `bits` signed bits, by the float32 reciprocal.

    Returns:
        int64 of the broadcast shape.
    """
    reciprocal = np.float32(1) / np.asarray(scale, np.float32)
    half = 1 << (bits - 1)
    codes = np.rint(x.astype(np.float32) * reciprocal).astype(np.float64)
    return np.clip(codes, -half, half - 1).astype(np.int64)


def quantise_weight(
    weight: Float32Array,
    weight_format: WeightFormat = WeightFormat.INT8,
    scale_format: ScaleFormat = ScaleFormat.REAL,
) -> tuple[NDArray[np.int8], Float32Array]:
    """Integer weights and their scales.

    Args:
        weight: (outputs, inputs) float32.

    Returns:
        (outputs, inputs) int8 and (outputs,) float32.
    """
    if weight_format is WeightFormat.TERNARY:
        mean = np.maximum(np.abs(weight).mean(dtype=np.float64), SMALLEST_SCALE)
        scale = scale_format.apply(np.full(len(weight), mean, np.float32))
        trits = np.clip(np.rint(weight / scale[:, None]), -1, 1)
        return trits.astype(np.int8), scale
    largest = np.maximum(-weight.min(axis=1), weight.max(axis=1))
    exact = largest / np.float32(symmetric_limit(WEIGHT_BITS))
    scale = scale_format.apply(np.maximum(exact, np.float32(SMALLEST_SCALE)))
    codes = quantise_real(weight, scale[:, None], WEIGHT_BITS)
    return codes.astype(np.int8), scale


def quantise_bias(name: str, bias: Float32Array, scale: Float32Array) -> NDArray[np.int32]:
    """Bias (outputs,) in units of the sums, whose scales are (outputs,) float32.

    Raises:
        CheckpointError: an integer leaves 32 bits (upstream clamps it without a word).
    """
    with np.errstate(over="ignore"):
        reciprocal = np.float32(1) / scale
        codes = np.rint(bias * reciprocal).astype(np.float64)
    wrong = np.flatnonzero(~(np.abs(codes) < 1 << (BIAS_BITS - 1)))
    if len(wrong):
        output = int(wrong[0])
        limit = float(scale[output]) * ((1 << (BIAS_BITS - 1)) - 1)
        raise CheckpointError(
            f"{name}.bias of output {output} is {bias[output]:g}, beyond {limit:g}, the largest "
            f"with {BIAS_BITS} bits of scale {scale[output]:g}: its weights are too small; set "
            "them to larger numbers or the bias to a smaller one"
        )
    return codes.astype(np.int32)


def dyadic_factors(name: str, ratio: Float64Array, bits: int) -> Requantisation:
    """Ratios (channels,) as multiplier * 2**-shift.

    The mantissa has `bits` bits, rounded half away from zero. Where upstream's is 2**31 it is
    halved, and the shift with it: the same number in 31 bits. With one bit the factor is the
    nearest power of two: a shift.

    Raises:
        CheckpointError: a ratio is not finite or needs more than 31 bits.
    """
    wrong = np.flatnonzero(~(np.abs(ratio) <= LARGEST_MULTIPLIER))
    if len(wrong):
        raise CheckpointError(
            f"{name}: the ratio of its scales is {ratio[wrong[0]]:g} in channel {wrong[0]}, beyond "
            f"{LARGEST_MULTIPLIER}: calibrate its range again"
        )
    mantissa, exponent = np.frexp(np.abs(ratio))
    multiplier = np.floor(np.ldexp(mantissa, bits) + 0.5).astype(np.int64)
    shift = bits - exponent.astype(np.int64)
    too_wide = multiplier == 1 << bits
    multiplier >>= too_wide
    shift -= too_wide
    # Short mantissas of ratios from 1 on are shifted left.
    multiplier <<= np.maximum(-shift, 0)
    shift = np.maximum(shift, 0)
    # Beyond the largest shift every result is 0.
    multiplier[shift > LARGEST_SHIFT] = 0
    if int(multiplier.max(initial=0)) > LARGEST_MULTIPLIER:
        raise CheckpointError(
            f"{name}: the ratio of its scales is {np.abs(ratio).max():g}, with {bits} bits beyond "
            f"{LARGEST_MULTIPLIER}: calibrate its range again"
        )
    signed = np.where(ratio < 0, -multiplier, multiplier)
    return Requantisation(
        signed.astype(np.int32), np.minimum(shift, LARGEST_SHIFT).astype(np.uint8)
    )


def requantisation(
    name: str, scale_in: Float32Array | np.float32, scale_out: np.float32, bits: int
) -> Requantisation:
    """Dyadic factors of scale_in / scale_out, a float64 quotient.

    Args:
        name: what is requantised, for errors.
        bits: width of the mantissa.
        scale_in: () or (channels,) float32, negative where a gain is.

    Raises:
        CheckpointError: a ratio is not finite or needs more than 31 bits.
    """
    scale = np.atleast_1d(np.asarray(scale_in, np.float32)).astype(np.float64)
    return dyadic_factors(name, scale / np.float64(scale_out), bits)


def layer_norm_constants(
    name: str, gain: Float32Array, bias: Float32Array, config: LayerNormConfig
) -> tuple[NDArray[np.int32], Float32Array]:
    """Integer bias (dim,) and scale (dim,) of I-LayerNorm's output, negative where the gain is.

    Raises:
        CheckpointError: a gain is 0 or so small that the bias leaves 32 bits; upstream's output is
            NaN or wrong there.
    """
    unit = np.sqrt(np.float32(len(gain))) / np.float32(2**30)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        codes = np.floor(bias.astype(np.float64) / gain.astype(np.float64) / np.float64(unit))
    limit = (1 << (config.bias_bits - 1)) - 1
    wrong = np.flatnonzero(~(np.abs(codes) <= limit))
    if len(wrong):
        channel = int(wrong[0])
        smallest = abs(float(bias[channel])) / (limit * float(unit))
        raise CheckpointError(
            f"{name}.weight of channel {channel} is {gain[channel]:g} with a bias of "
            f"{bias[channel]:g}: the bias over the gain leaves {config.bias_bits} bits "
            f"({len(wrong)} channels in all); set the gain to {max(smallest, 1e-6):.3g} or more"
        )
    return codes.astype(np.int32), unit * gain


def check_x0(site: str, magnitude: int, smallest_scale: float, config: RowUnitConfig) -> int:
    """|x0| of a row unit, within what keeps its sums exact.

    Raises:
        CheckpointError: names site, |x0|, limit, and the range to calibrate for.
    """
    if magnitude > config.largest_x0:
        reach = smallest_scale * symmetric_limit(config.input_bits)
        raise CheckpointError(
            f"{site}: |x0| = {magnitude}, but sums of {config.unit} are exact up to "
            f"{config.largest_x0}: its scale is too small; calibrate it for a range of at least "
            f"+-{reach:.3g}"
        )
    return magnitude


def smallest_scales(units: VisionUnits) -> Mapping[str, np.float32]:
    """Smallest scale that keeps |x0| within its limit, by the site's name within a block."""
    return {
        sites.SCORES: _smallest_scale(units.shiftmax, x0_magnitude_of),
        sites.HIDDEN: _smallest_scale(units.shiftgelu, sigmoid_x0_magnitude_of),
    }


def _smallest_scale(config: RowUnitConfig, magnitude_of: Callable[[float], int]) -> np.float32:
    """Exact to one float32 step, found from a quotient that may be a few steps off."""
    scale = np.float32(1 / config.largest_x0)
    if magnitude_of is sigmoid_x0_magnitude_of:
        scale /= np.float32(SIGMOID_SCALE)
    while magnitude_of(float(scale)) <= config.largest_x0:
        scale = np.nextafter(scale, np.float32(0))
    while magnitude_of(float(scale)) > config.largest_x0:
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale
