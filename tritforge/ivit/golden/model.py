# SPDX-License-Identifier: Apache-2.0
"""The whole vision transformer as integer operations: pixels to logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.attention import attention
from tritforge.ivit.golden.head import head
from tritforge.ivit.golden.input_quantiser import input_quantiser
from tritforge.ivit.golden.layer_norm import layer_norm
from tritforge.ivit.golden.linear import linear
from tritforge.ivit.golden.mlp import mlp
from tritforge.ivit.golden.patch_embedding import patch_embedding
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.golden.residual_add import residual_add
from tritforge.ivit.golden.trace import Trace, note
from tritforge.ivit.parameters import LayerNormParameters, VisionParameters
from tritforge.ivit.sites import (
    ATTENTION_INPUT,
    ATTENTION_RESIDUAL,
    INPUT,
    MLP_INPUT,
    MLP_RESIDUAL,
    PROJECTION,
    QKV,
    block_site,
)


class IvitGoldenModel:
    """Integer forward pass of a ViT or DeiT; defines the result of every other execution."""

    def __init__(self, parameters: VisionParameters) -> None:
        self.parameters = parameters
        self.shape, self.widths = parameters.shape, parameters.widths
        self._units = parameters.units

    @property
    def logit_fraction(self) -> int:
        """Fraction bits of the logits."""
        return int(self.parameters.head.logit_fraction[0])

    def logits(self, pixels: NDArray[np.uint8], trace: Trace | None = None) -> Int64Array:
        """Classify images.

        Args:
            pixels: (batch, image_size, image_size, channels) uint8.
            trace: if given, receives the integers of every activation site by upstream's name.

        Returns:
            (batch, classes) int64, 32 signed bits with `logit_fraction` fraction bits.

        Raises:
            ConfigurationError: the images are of another size.
        """
        size = (self.shape.image_size, self.shape.image_size, self.shape.channels)
        if pixels.ndim != 4 or pixels.shape[1:] != size:
            raise ConfigurationError(
                f"images have shape {pixels.shape}: give (batch, height, width, channels) = "
                f"(batch, {', '.join(map(str, size))})"
            )
        image = note(trace, INPUT, input_quantiser(pixels, self.parameters.input_table))
        embedding = self.parameters.patch_embedding
        residual = patch_embedding(image, embedding, self.shape, self.widths, trace)
        for layer in range(self.shape.layers):
            residual = self.block(layer, residual, trace)
        return head(residual, self.parameters.head, self._units, trace)

    def block(self, layer: int, residual: Int64Array, trace: Trace | None = None) -> Int64Array:
        """Attention and MLP of one layer, each with its norm and residual add.

        Args:
            residual: (batch, tokens, dim) int64 of widths.residual bits.

        Returns:
            The same shape and width.
        """
        block, units, bits = self.parameters.blocks[layer], self._units, self.widths.residual
        prefix = block_site(layer, "")

        x = note(trace, prefix + ATTENTION_INPUT, self._normalised(residual, block.norm1))
        qkv = note(trace, prefix + QKV, linear(x, block.attention.qkv, self.widths.activation))
        context = attention(qkv, block.attention, units, trace, prefix)
        branch = note(trace, prefix + PROJECTION, linear(context, block.attention.projection, bits))
        residual = residual_add(branch, residual, block.residual1, bits)
        note(trace, prefix + ATTENTION_RESIDUAL, residual)

        x = note(trace, prefix + MLP_INPUT, self._normalised(residual, block.norm2))
        branch = mlp(x, block.mlp, units, trace, prefix)
        residual = residual_add(branch, residual, block.residual2, bits)
        return note(trace, prefix + MLP_RESIDUAL, residual)

    def _normalised(self, residual: Int64Array, norm: LayerNormParameters) -> Int64Array:
        row = layer_norm(residual, norm.bias, self._units.layer_norm)
        return requantise(row, norm.requantisation, self.widths.activation)
