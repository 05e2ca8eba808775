# SPDX-License-Identifier: Apache-2.0
"""Float64 reference of the same network with plain softmax, GELU and LayerNorm.

Source: VisionTransformer of timm (vision_transformer.py), which upstream quantises; arXiv
2010.11929, 2012.12877.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.ivit import sites
from tritforge.ivit.shape import VisionShape
from tritforge.ivit.tensors import FloatTensors

FloatArray = NDArray[np.float64]
#: Receives the name of an activation site and its reals.
Observer = Callable[[str, FloatArray], None]

#: timm's epsilon of every LayerNorm in a ViT.
NORM_EPSILON = 1e-6
#: erf(x) is 1 in float64 from here on.
_ERF_RANGE = 6.0
_ERF_DEGREE = 60


@cache
def _erf_polynomial() -> Chebyshev:
    """erf on [0, 6], to 1e-13: NumPy has none, and math.erf takes one number at a time."""
    erf = np.vectorize(math.erf, otypes=[float])
    return Chebyshev.interpolate(erf, _ERF_DEGREE, domain=[0, _ERF_RANGE])


def gelu(x: FloatArray) -> FloatArray:
    """x * (1 + erf(x / sqrt(2))) / 2."""
    magnitude = np.minimum(np.abs(x) / math.sqrt(2), _ERF_RANGE)
    result: FloatArray = x * (1 + np.sign(x) * _erf_polynomial()(magnitude)) / 2
    return result


def softmax(x: FloatArray) -> FloatArray:
    """Softmax of the last axis."""
    exponential = np.exp(x - x.max(axis=-1, keepdims=True))
    result: FloatArray = exponential / exponential.sum(axis=-1, keepdims=True)
    return result


class FloatVisionModel:
    """Float64 forward pass; same blocks as `IvitGoldenModel`, observed at upstream's sites."""

    def __init__(self, shape: VisionShape, tensors: FloatTensors) -> None:
        """
        Args:
            tensors: float parameters by timm's names, as `check_tensors` gives them.
        """
        self.shape = shape
        self._tensors = {name: values.astype(np.float64) for name, values in tensors.items()}

    def logits(
        self, images: NDArray[np.floating[Any]], observe: Observer | None = None
    ) -> FloatArray:
        """Classify images.

        Args:
            images: (batch, image_size, image_size, channels), normalised.
            observe: called at every activation site in order of computation.

        Returns:
            (batch, classes) float64.

        Raises:
            ConfigurationError: the images are of another size.
        """
        shape = self.shape
        size = (shape.image_size, shape.image_size, shape.channels)
        if images.ndim != 4 or images.shape[1:] != size:
            raise ConfigurationError(
                f"images have shape {images.shape}: give (batch, height, width, channels) = "
                f"(batch, {', '.join(map(str, size))})"
            )
        see = observe or (lambda site, values: None)
        x = self._embedding(images.astype(np.float64), see)
        for layer in range(shape.layers):
            x = self._block(layer, x, see)
        x = self._norm("norm", x[:, 0])
        see(sites.HEAD_INPUT, x)
        return self._linear("head", x)

    def _embedding(self, images: FloatArray, see: Observer) -> FloatArray:
        see(sites.INPUT, images)
        side, patch = self.shape.image_size // self.shape.patch_size, self.shape.patch_size
        grid = images.reshape(-1, side, patch, side, patch, self.shape.channels)
        rows = grid.transpose(0, 1, 3, 5, 2, 4).reshape(len(images), self.shape.patches, -1)
        kernel = self._tensors["patch_embed.proj.weight"].reshape(self.shape.dim, -1)
        patches = rows @ kernel.T + self._tensors["patch_embed.proj.bias"]
        see(sites.PATCHES, patches)
        position = self._tensors["pos_embed"]
        see(sites.POSITION, position)
        token = np.broadcast_to(self._tensors["cls_token"], (len(images), 1, self.shape.dim))
        x = np.concatenate([token, patches], axis=1) + position
        see(sites.EMBEDDING, x)
        return x

    def _block(self, layer: int, x: FloatArray, see: Observer) -> FloatArray:
        name = f"blocks.{layer}"

        def at(site: str, values: FloatArray) -> FloatArray:
            see(sites.block_site(layer, site), values)
            return values

        y = at(sites.ATTENTION_INPUT, self._norm(f"{name}.norm1", x))
        qkv = at(sites.QKV, self._linear(f"{name}.attn.qkv", y))
        split = qkv.reshape(*qkv.shape[:2], 3, self.shape.heads, self.shape.head_dim)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        scores = at(sites.SCORES, query @ key.swapaxes(-1, -2) * self.shape.head_dim**-0.5)
        joined = (softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        context = at(sites.CONTEXT, joined)
        branch = at(sites.PROJECTION, self._linear(f"{name}.attn.proj", context))
        x = at(sites.ATTENTION_RESIDUAL, x + branch)
        y = at(sites.MLP_INPUT, self._norm(f"{name}.norm2", x))
        hidden = at(sites.HIDDEN, self._linear(f"{name}.mlp.fc1", y))
        activation = at(sites.GELU, gelu(hidden))
        branch = at(sites.MLP_OUTPUT, self._linear(f"{name}.mlp.fc2", activation))
        return at(sites.MLP_RESIDUAL, x + branch)

    def _linear(self, name: str, x: FloatArray) -> FloatArray:
        return x @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]

    def _norm(self, name: str, x: FloatArray) -> FloatArray:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(-1, keepdims=True) + NORM_EPSILON)
        return centred / deviation * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"]
