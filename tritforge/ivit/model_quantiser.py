# SPDX-License-Identifier: Apache-2.0
"""A float model and its activation scales to the integer parameters of the whole network.

Source: models/vit_quant.py of zkkli/I-ViT (commit 380ba99): which scale enters which module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit import sites
from tritforge.ivit.golden.requantise import dyadic_product
from tritforge.ivit.golden.shift_exponential import sigmoid_x0_magnitude_of, x0_magnitude_of
from tritforge.ivit.parameters import (
    LARGEST_ACCUMULATOR,
    LARGEST_LOGIT_FRACTION,
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
from tritforge.ivit.preprocessing import Preprocessing, input_table
from tritforge.ivit.quantise import (
    SMALLEST_SCALE,
    ScaleFormat,
    WeightFormat,
    check_x0,
    layer_norm_constants,
    quantise_bias,
    quantise_real,
    quantise_weight,
    requantisation,
    smallest_scales,
)
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths
from tritforge.ivit.tensors import Float32Array, FloatTensors, check_tensors


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
    scale_format: ScaleFormat = ScaleFormat.REAL,
) -> VisionParameters:
    """Integer parameters of a float model.

    Args:
        tensors: float parameters by timm's names (`tritforge.ivit.tensors.tensor_shapes`).
        scales: activation scale of every site (`tritforge.ivit.sites.activation_sites`), of the
            same format.
        preprocessing: normalisation of the pixels.
        weight_format: of the blocks' linear layers.
        scale_format: of the weights' scales.

    Raises:
        CheckpointError: names the tensor or site, the value and the limit.
        ConfigurationError: the preprocessing or the scale format does not fit the shape.
    """
    widths = widths or VisionWidths()
    if len(preprocessing.mean) != shape.channels:
        raise ConfigurationError(
            f"preprocessing for {len(preprocessing.mean)} colours, but images have {shape.channels}"
        )
    if scale_format is ScaleFormat.POWER_OF_TWO and not _is_power_of_four(shape.head_dim):
        raise ConfigurationError(
            f"heads of {shape.head_dim} channels have scores times 1 / sqrt({shape.head_dim}), "
            "which is no power of two: power-of-two scales need heads of 4, 16, 64 or 256 channels"
        )
    quantiser = _Quantiser(
        shape,
        widths,
        check_tensors(tensors, shape),
        check_scales(scales, shape, widths),
        weight_format,
        scale_format,
    )
    return VisionParameters(
        shape,
        widths,
        input_table(preprocessing, quantiser.scales[sites.INPUT], widths.activation),
        quantiser.patch_embedding(),
        tuple(quantiser.block(layer) for layer in range(shape.layers)),
        quantiser.head(),
    )


def _is_power_of_four(value: int) -> bool:
    return value & (value - 1) == 0 and value.bit_length() % 2 == 1


@dataclass(frozen=True)
class _Quantiser:
    """The tensors and scales of one model, and what becomes of them part by part."""

    shape: VisionShape
    widths: VisionWidths
    tensors: FloatTensors
    scales: Mapping[str, np.float32]
    weight_format: WeightFormat
    scale_format: ScaleFormat

    @property
    def units(self) -> VisionUnits:
        return VisionUnits(self.shape, self.widths)

    def factors(
        self, name: str, scale_in: Float32Array | np.float32, scale_out: np.float32
    ) -> Requantisation:
        """Factors of every site that is not behind a LayerNorm."""
        return requantisation(name, scale_in, scale_out, self.widths.multiplier)

    def patch_embedding(self) -> PatchEmbeddingParameters:
        name = "patch_embed.proj"
        # Inputs of a patch in the order of pixels in memory: row, column, colour.
        kernel = self.tensors[f"{name}.weight"].transpose(0, 2, 3, 1)
        patches, stream = self.scales[sites.PATCHES], self.scales[sites.EMBEDDING]
        projection = self.linear(
            name, kernel.reshape(len(kernel), -1), self.scales[sites.INPUT], patches
        )
        factors = self.factors(sites.EMBEDDING, patches, stream)
        position = quantise_real(
            self.tensors["pos_embed"][0], self.scales[sites.POSITION], self.widths.residual
        )
        constant = dyadic_product(
            position,
            self.factors(sites.EMBEDDING, self.scales[sites.POSITION], stream),
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

    def block(self, layer: int) -> BlockParameters:
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
            attention=self.attention(layer),
            residual1=self.residual(
                f"{prefix}.{sites.ATTENTION_RESIDUAL}", scale(sites.PROJECTION), before, between
            ),
            norm2=self.norm(f"{prefix}.norm2", scale(sites.MLP_INPUT)),
            mlp=self.mlp(layer),
            residual2=self.residual(
                f"{prefix}.{sites.MLP_RESIDUAL}", scale(sites.MLP_OUTPUT), between, stream
            ),
        )

    def attention(self, layer: int) -> AttentionParameters:
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
            qkv=self.block_linear(layer, "attn.qkv", sites.ATTENTION_INPUT, sites.QKV),
            scores=self.factors(name(sites.SCORES), score_sums, scores),
            x0_magnitude=np.array([x0], np.int32),
            context=self.factors(name(sites.CONTEXT), context_sums, context),
            projection=self.block_linear(layer, "attn.proj", sites.CONTEXT, sites.PROJECTION),
        )

    def mlp(self, layer: int) -> MlpParameters:
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
            fc1=self.block_linear(layer, "mlp.fc1", sites.MLP_INPUT, sites.HIDDEN),
            x0_magnitude=np.array([x0], np.int32),
            gelu=self.factors(name, products, self.scales[name]),
            fc2=self.block_linear(layer, "mlp.fc2", sites.GELU, sites.MLP_OUTPUT),
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
        factors = self.factors("head", sums, np.ldexp(np.float32(1), -fraction))
        return HeadParameters(
            norm=self.norm("norm", self.scales[sites.HEAD_INPUT]),
            classifier=LinearParameters(weight, bias, factors),
            logit_fraction=np.array([fraction], np.int32),
        )

    def block_linear(self, layer: int, name: str, site_in: str, site_out: str) -> LinearParameters:
        full = f"blocks.{layer}.{name}"
        return self.linear(
            full,
            self.tensors[f"{full}.weight"],
            self.scales[sites.block_site(layer, site_in)],
            self.scales[sites.block_site(layer, site_out)],
            self.weight_format,
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
        return LinearParameters(codes, bias, self.factors(name, sums, scale_out))

    def integer_linear(
        self, name: str, weight: Float32Array, scale_in: np.float32, weight_format: WeightFormat
    ) -> tuple[NDArray[np.int8], Float32Array, NDArray[np.int32]]:
        """Weights, scales of the sums, and biases."""
        codes, scale = quantise_weight(weight, weight_format, self.scale_format)
        sums = scale * scale_in
        return codes, sums, quantise_bias(name, self.tensors[f"{name}.bias"], sums)

    def norm(self, name: str, scale_out: np.float32) -> LayerNormParameters:
        bias, scale = layer_norm_constants(
            name,
            self.tensors[f"{name}.weight"],
            self.tensors[f"{name}.bias"],
            self.units.layer_norm,
        )
        return LayerNormParameters(bias, requantisation(name, scale, scale_out, self.widths.gain))

    def residual(
        self, name: str, branch: np.float32, identity: np.float32, out: np.float32
    ) -> ResidualParameters:
        return ResidualParameters(
            self.factors(name, branch, out),
            self.factors(name, identity, out),
        )
