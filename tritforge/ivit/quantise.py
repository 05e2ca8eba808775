# SPDX-License-Identifier: Apache-2.0
"""Float weights and activation scales to integer parameters, as upstream's modules do it.

Scales are float32 numbers and so are their products, sums excepted; a ratio of scales is float64.
Source: models/quantization_utils of zkkli/I-ViT (commit 380ba99): symmetric_linear_quantization_
params, linear_quantize, batch_frexp, QuantLinear, IntLayerNorm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.fixed_point import symmetric_limit
from tritforge.ivit import sites
from tritforge.ivit.config import LayerNormConfig, RowUnitConfig
from tritforge.ivit.golden.requantise import dyadic_product
from tritforge.ivit.golden.shift_exponential import (
    SIGMOID_SCALE,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.parameters import (
    LARGEST_ACCUMULATOR,
    LARGEST_LOGIT_FRACTION,
    LARGEST_MULTIPLIER,
    LARGEST_SHIFT,
    POSITION_BITS,
    AttentionParameters,
    BlockParameters,
    HeadParameters,
    LayerNormParameters,
    LinearParameters,
    MlpParameters,
    PatchEmbeddingParameters,
    Requantisation,
    ResidualParameters,
    VisionParameters,
)
from tritforge.ivit.shape import BIAS_BITS, PIXEL_VALUES, VisionShape, VisionUnits, VisionWidths
from tritforge.ivit.tensors import Float32Array, FloatTensors, check_tensors

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


@dataclass(frozen=True)
class Preprocessing:
    """Normalisation of pixels: (pixel / 255 - mean) / std, one number per colour."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std):
            raise ConfigurationError(
                f"{len(self.mean)} means and {len(self.std)} standard deviations: give one of "
                "each per colour"
            )
        values = np.array([*self.mean, *self.std])
        if not np.isfinite(values).all() or min(self.std, default=1.0) <= 0:
            raise ConfigurationError(
                f"mean = {self.mean}, std = {self.std}: give finite numbers, std above 0"
            )

    def normalise(self, pixels: NDArray[np.uint8]) -> Float32Array:
        """Pixels (..., channels) uint8 as float32 reals, in torchvision's order of operations."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        result: Float32Array = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return result


#: Mean and standard deviation of ImageNet (DeiT), and of the original ViT.
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
INCEPTION = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


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
    weight: Float32Array, weight_format: WeightFormat = WeightFormat.INT8
) -> tuple[NDArray[np.int8], Float32Array]:
    """Integer weights and their scales.

    Args:
        weight: (outputs, inputs) float32.

    Returns:
        (outputs, inputs) int8 and (outputs,) float32.
    """
    if weight_format is WeightFormat.TERNARY:
        mean = np.maximum(np.abs(weight).mean(dtype=np.float64), SMALLEST_SCALE)
        scale = np.full(len(weight), mean, np.float32)
        trits = np.clip(np.rint(weight / scale[:, None]), -1, 1)
        return trits.astype(np.int8), scale
    largest = np.maximum(-weight.min(axis=1), weight.max(axis=1))
    scale = np.maximum(
        largest / np.float32(symmetric_limit(WEIGHT_BITS)), np.float32(SMALLEST_SCALE)
    )
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
    name: str, scale_in: Float32Array | np.float32, scale_out: np.float32, widths: VisionWidths
) -> Requantisation:
    """Dyadic factors of scale_in / scale_out, a float64 quotient.

    Args:
        name: what is requantised, for errors.
        scale_in: () or (channels,) float32, negative where a gain is.

    Raises:
        CheckpointError: a ratio is not finite or needs more than 31 bits.
    """
    scale = np.atleast_1d(np.asarray(scale_in, np.float32)).astype(np.float64)
    return dyadic_factors(name, scale / np.float64(scale_out), widths.multiplier)


def input_table(preprocessing: Preprocessing, scale: np.float32, bits: int) -> NDArray[np.int8]:
    """First activation of every pixel value: (channels, 256) int8."""
    channels = len(preprocessing.mean)
    pixels = np.arange(PIXEL_VALUES, dtype=np.uint8)[:, None].repeat(channels, axis=1)
    codes = quantise_real(preprocessing.normalise(pixels), scale, bits)
    return np.ascontiguousarray(codes.T, np.int8)


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


def check_scales(
    scales: Mapping[str, Any], shape: VisionShape, widths: VisionWidths
) -> dict[str, np.float32]:
    """Activation scales by site as float32: complete, positive, finite and calibrated.

    Raises:
        CheckpointError: names the site, its scale and the limit.
    """
    expected = sites.activation_sites(shape, widths)
    missing = [name for name in expected if name not in scales]
    if missing:
        raise CheckpointError(
            f"no activation scale for {missing[0]} ({len(missing)} sites in all): calibrate the "
            "model, or take NAME.act_scaling_factor of its checkpoint"
        )
    result: dict[str, np.float32] = {}
    for name in expected:
        scale = np.float32(scales[name])
        if not np.isfinite(scale) or scale <= SMALLEST_SCALE:
            raise CheckpointError(
                f"{name}: scale {scale:g} must be finite and above {SMALLEST_SCALE:g}, upstream's "
                "value of an activation that never saw data, with which everything saturates: "
                "calibrate the model"
            )
        result[name] = scale
    return result


def quantise_model(
    shape: VisionShape,
    tensors: Mapping[str, NDArray[Any]],
    scales: Mapping[str, Any],
    preprocessing: Preprocessing,
    widths: VisionWidths | None = None,
    weight_format: WeightFormat = WeightFormat.INT8,
) -> VisionParameters:
    """Integer parameters of a float model.

    Args:
        tensors: float parameters by timm's names (`tritforge.ivit.tensors.tensor_shapes`).
        scales: activation scale of every site (`tritforge.ivit.sites.activation_sites`).
        preprocessing: normalisation of the pixels.

    Raises:
        CheckpointError: names the tensor or site, the value and the limit.
        ConfigurationError: the preprocessing does not fit the shape.
    """
    widths = widths or VisionWidths()
    if len(preprocessing.mean) != shape.channels:
        raise ConfigurationError(
            f"preprocessing for {len(preprocessing.mean)} colours, but images have {shape.channels}"
        )
    quantiser = _Quantiser(
        shape, widths, check_tensors(tensors, shape), check_scales(scales, shape, widths)
    )
    return VisionParameters(
        shape,
        widths,
        input_table(preprocessing, quantiser.scales[sites.INPUT], widths.activation),
        quantiser.patch_embedding(),
        tuple(quantiser.block(layer, weight_format) for layer in range(shape.layers)),
        quantiser.head(),
    )


@dataclass(frozen=True)
class _Quantiser:
    """The tensors and scales of one model, and what becomes of them part by part."""

    shape: VisionShape
    widths: VisionWidths
    tensors: FloatTensors
    scales: Mapping[str, np.float32]

    @property
    def units(self) -> VisionUnits:
        return VisionUnits(self.shape, self.widths)

    def patch_embedding(self) -> PatchEmbeddingParameters:
        name = "patch_embed.proj"
        # Inputs of a patch in the order of pixels in memory: row, column, colour.
        kernel = self.tensors[f"{name}.weight"].transpose(0, 2, 3, 1)
        patches, stream = self.scales[sites.PATCHES], self.scales[sites.EMBEDDING]
        projection = self.linear(
            name, kernel.reshape(len(kernel), -1), self.scales[sites.INPUT], patches
        )
        factors = requantisation(sites.EMBEDDING, patches, stream, self.widths)
        position = quantise_real(
            self.tensors["pos_embed"][0], self.scales[sites.POSITION], self.widths.residual
        )
        constant = dyadic_product(
            position,
            requantisation(sites.EMBEDDING, self.scales[sites.POSITION], stream, self.widths),
        )
        # Upstream gives the class token the patches' scale without quantising it.
        class_token = np.rint(self.tensors["cls_token"][0, 0] / patches).astype(np.float64)
        limit = (1 << (POSITION_BITS - 1)) - 1
        if np.abs(class_token).max() > LARGEST_ACCUMULATOR:
            raise CheckpointError(
                f"cls_token reaches {np.abs(self.tensors['cls_token']).max():g}, beyond 32 bits of "
                f"the scale {patches:g} of {sites.PATCHES}"
            )
        constant[0] += dyadic_product(class_token.astype(np.int64), factors)
        if int(np.abs(constant).max()) > limit:
            worst = np.unravel_index(int(np.abs(constant).argmax()), constant.shape)
            raise CheckpointError(
                f"position embedding (and class token) reach {constant[worst]} units of "
                f"{sites.EMBEDDING} at token {worst[0]}, channel {worst[1]}, beyond {limit}: "
                "calibrate that site for a larger range"
            )
        return PatchEmbeddingParameters(projection, factors, constant.astype(np.int32))

    def block(self, layer: int, weight_format: WeightFormat) -> BlockParameters:
        def scale(site: str) -> np.float32:
            return self.scales[sites.block_site(layer, site)]

        prefix = f"blocks.{layer}"
        stream = scale(sites.MLP_RESIDUAL)
        before = (
            self.scales[sites.EMBEDDING]
            if layer == 0
            else self.scales[sites.block_site(layer - 1, sites.MLP_RESIDUAL)]
        )
        between = scale(sites.ATTENTION_RESIDUAL)
        return BlockParameters(
            norm1=self.norm(f"{prefix}.norm1", scale(sites.ATTENTION_INPUT)),
            attention=self.attention(layer, weight_format),
            residual1=self.residual(
                f"{prefix}.{sites.ATTENTION_RESIDUAL}", scale(sites.PROJECTION), before, between
            ),
            norm2=self.norm(f"{prefix}.norm2", scale(sites.MLP_INPUT)),
            mlp=self.mlp(layer, weight_format),
            residual2=self.residual(
                f"{prefix}.{sites.MLP_RESIDUAL}", scale(sites.MLP_OUTPUT), between, stream
            ),
        )

    def attention(self, layer: int, weight_format: WeightFormat) -> AttentionParameters:
        def name(site: str) -> str:
            return sites.block_site(layer, site)

        qkv, scores = self.scales[name(sites.QKV)], self.scales[name(sites.SCORES)]
        context = self.scales[name(sites.CONTEXT)]
        score_sums = qkv * qkv * np.float32(self.shape.head_dim**-0.5)
        # One unit of a probability is 2**-share_bits.
        context_sums = np.ldexp(qkv, -self.units.shiftmax.share_bits)
        limits = smallest_scales(self.units)
        x0 = check_x0(
            name(sites.SCORES),
            x0_magnitude_of(float(scores)),
            float(limits[sites.SCORES]),
            self.units.shiftmax,
        )
        return AttentionParameters(
            qkv=self.block_linear(
                layer, "attn.qkv", sites.ATTENTION_INPUT, sites.QKV, weight_format
            ),
            scores=requantisation(name(sites.SCORES), score_sums, scores, self.widths),
            x0_magnitude=np.array([x0], np.int32),
            context=requantisation(name(sites.CONTEXT), context_sums, context, self.widths),
            projection=self.block_linear(
                layer, "attn.proj", sites.CONTEXT, sites.PROJECTION, weight_format
            ),
        )

    def mlp(self, layer: int, weight_format: WeightFormat) -> MlpParameters:
        hidden = self.scales[sites.block_site(layer, sites.HIDDEN)]
        name = sites.block_site(layer, sites.GELU)
        limits = smallest_scales(self.units)
        x0 = check_x0(
            sites.block_site(layer, sites.HIDDEN),
            sigmoid_x0_magnitude_of(float(hidden)),
            float(limits[sites.HIDDEN]),
            self.units.shiftgelu,
        )
        products = np.ldexp(hidden, -self.units.shiftgelu.share_bits)
        return MlpParameters(
            fc1=self.block_linear(layer, "mlp.fc1", sites.MLP_INPUT, sites.HIDDEN, weight_format),
            x0_magnitude=np.array([x0], np.int32),
            gelu=requantisation(name, products, self.scales[name], self.widths),
            fc2=self.block_linear(layer, "mlp.fc2", sites.GELU, sites.MLP_OUTPUT, weight_format),
        )

    def head(self) -> HeadParameters:
        weight, sums, bias = self.integer_linear(
            "head", self.tensors["head.weight"], self.scales[sites.HEAD_INPUT], WeightFormat.INT8
        )
        half = 1 << (self.widths.activation - 1)
        reach = np.abs(bias.astype(np.int64)) + half * np.abs(weight.astype(np.int64)).sum(axis=1)
        largest = float((reach * sums.astype(np.float64)).max())
        # The largest logit that any input can give stays below 2**31.
        room = int(np.floor(np.log2(LARGEST_ACCUMULATOR / largest)))
        if room < 0:
            raise CheckpointError(
                f"head: logits can reach {largest:g}, beyond 32 bits: its weights are too large"
            )
        fraction = min(room, LARGEST_LOGIT_FRACTION)
        factors = requantisation("head", sums, np.ldexp(np.float32(1), -fraction), self.widths)
        return HeadParameters(
            norm=self.norm("norm", self.scales[sites.HEAD_INPUT]),
            classifier=LinearParameters(weight, bias, factors),
            logit_fraction=np.array([fraction], np.int32),
        )

    def block_linear(
        self, layer: int, name: str, site_in: str, site_out: str, weight_format: WeightFormat
    ) -> LinearParameters:
        full = f"blocks.{layer}.{name}"
        return self.linear(
            full,
            self.tensors[f"{full}.weight"],
            self.scales[sites.block_site(layer, site_in)],
            self.scales[sites.block_site(layer, site_out)],
            weight_format,
        )

    def linear(
        self,
        name: str,
        weight: Float32Array,
        scale_in: np.float32,
        scale_out: np.float32,
        weight_format: WeightFormat = WeightFormat.INT8,
    ) -> LinearParameters:
        codes, sums, bias = self.integer_linear(name, weight, scale_in, weight_format)
        return LinearParameters(codes, bias, requantisation(name, sums, scale_out, self.widths))

    def integer_linear(
        self, name: str, weight: Float32Array, scale_in: np.float32, weight_format: WeightFormat
    ) -> tuple[NDArray[np.int8], Float32Array, NDArray[np.int32]]:
        """Weights, scales of the sums, and biases."""
        codes, scale = quantise_weight(weight, weight_format)
        sums = scale * scale_in
        return codes, sums, quantise_bias(name, self.tensors[f"{name}.bias"], sums)

    def norm(self, name: str, scale_out: np.float32) -> LayerNormParameters:
        bias, scale = layer_norm_constants(
            name,
            self.tensors[f"{name}.weight"],
            self.tensors[f"{name}.bias"],
            self.units.layer_norm,
        )
        return LayerNormParameters(bias, requantisation(name, scale, scale_out, self.widths))

    def residual(
        self, name: str, branch: np.float32, identity: np.float32, out: np.float32
    ) -> ResidualParameters:
        return ResidualParameters(
            requantisation(name, branch, out, self.widths),
            requantisation(name, identity, out, self.widths),
        )
