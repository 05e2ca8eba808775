# SPDX-License-Identifier: Apache-2.0
"""Patch embedding: every patch through one linear layer, position and class token added.

    token[0]     = clamp(constant[0])
    token[1 + p] = clamp(round_half_even(patch[p] * factor) + constant[1 + p])

Upstream adds two requantised integers, patch and position; the position's is a constant, and for
the class token both are, so they are computed at conversion. Upstream's class token is not clamped
before that sum, and so it is here.

Source: PatchEmbed and VisionTransformer.forward_features of zkkli/I-ViT, models/vit_quant.py.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.matrix_product import matrix_product
from tritforge.ivit.golden.requantise import dyadic_product, requantise
from tritforge.ivit.golden.trace import Trace, note
from tritforge.ivit.parameters import PatchEmbeddingParameters
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.sites import EMBEDDING, PATCHES


def patches_of(image: Int64Array, shape: VisionShape) -> Int64Array:
    """Cut (batch, height, width, channels) into (batch, patches, patch_inputs), raster order."""
    side, patch = shape.image_size // shape.patch_size, shape.patch_size
    grid = image.reshape(-1, side, patch, side, patch, shape.channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(-1, shape.patches, shape.patch_inputs)


def patch_embedding(
    image: Int64Array,
    parameters: PatchEmbeddingParameters,
    shape: VisionShape,
    widths: VisionWidths,
    trace: Trace | None = None,
) -> Int64Array:
    """Tokens of images: the residual stream that enters the first block.

    Args:
        image: (batch, image_size, image_size, channels) int64 of widths.activation bits.

    Returns:
        (batch, tokens, dim) int64 of widths.residual bits.
    """
    projection = parameters.projection
    sums = matrix_product(patches_of(image, shape), projection.weight, projection.bias)
    patches = requantise(sums, projection.requantisation, widths.residual)
    note(trace, PATCHES, patches)
    constant = parameters.constant.astype(np.int64)
    tokens = np.empty((len(patches), shape.tokens, shape.dim), np.int64)
    tokens[:, 0] = constant[0]
    tokens[:, 1:] = dyadic_product(patches, parameters.patches) + constant[1:]
    half = 1 << (widths.residual - 1)
    return note(trace, EMBEDDING, np.clip(tokens, -half, half - 1))
