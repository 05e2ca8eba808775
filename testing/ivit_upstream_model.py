# SPDX-License-Identifier: Apache-2.0
"""The quantised vision transformer as upstream computes it, in float32.

Source: zkkli/I-ViT, models/vit_quant.py, in NumPy instead of PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from testing.ivit_upstream import (
    FLOAT32,
    FloatArray,
    Int64Array,
    upstream_gelu,
    upstream_layer_norm,
    upstream_linear,
    upstream_quantise,
    upstream_requantise,
    upstream_softmax,
)
from tritforge.ivit.shape import VisionShape


def _reals(codes: Int64Array, scale: float) -> FloatArray:
    """Integers times their scale, in float32."""
    return codes.astype(np.float32) * np.float32(scale)


class UpstreamModel:
    """VisionTransformer.forward of models/vit_quant.py with frozen ranges, in float32.

    Sums of products are added in NumPy's order instead of PyTorch's.
    """

    def __init__(
        self,
        shape: VisionShape,
        tensors: Mapping[str, NDArray[np.float32]],
        scales: Mapping[str, np.float32],
    ) -> None:
        """
        Args:
            tensors: float parameters by timm's names.
            scales: activation scale of every QuantAct by its name.
        """
        self._shape, self._tensors, self._scales = shape, tensors, scales

    def logits(
        self, images: NDArray[np.float32], trace: dict[str, Int64Array] | None = None
    ) -> NDArray[np.float32]:
        """Logits (batch, classes) of normalised images (batch, height, width, channels).

        Args:
            trace: receives the integers of every QuantAct but the position's.
        """
        trace = {} if trace is None else trace
        shape = self._shape
        codes = upstream_quantise(images, self._scales["qact_input"], 8)
        trace["qact_input"] = codes.astype(np.int64)
        x, scale = codes * self._scales["qact_input"], self._scales["qact_input"]
        side, patch = shape.image_size // shape.patch_size, shape.patch_size
        grid = x.reshape(-1, side, patch, side, patch, shape.channels)
        rows = grid.transpose(0, 1, 3, 5, 2, 4).reshape(len(x), shape.patches, -1)
        kernel = self._tensors["patch_embed.proj.weight"].reshape(shape.dim, -1)
        sums, sum_scale = upstream_linear(
            rows, scale, kernel, self._tensors["patch_embed.proj.bias"]
        )
        x, scale = self._act("patch_embed.qact", sums, sum_scale, 16, trace)
        token = np.broadcast_to(self._tensors["cls_token"], (len(x), 1, shape.dim))
        x = np.concatenate([token, x], axis=1)
        position_scale = self._scales["qact_pos"]
        position = upstream_quantise(self._tensors["pos_embed"], position_scale, 16)
        identity = (position * position_scale, position_scale)
        x, scale = self._act("qact1", x, scale, 16, trace, identity)
        for layer in range(shape.layers):
            x, scale = self._block(f"blocks.{layer}.", x, scale, trace)
        x, vector = self._norm("norm", x, scale)
        x, scale = self._act("qact2", x[:, 0], vector, 8, trace)
        return self._linear("head", x, scale)[0]

    def _block(
        self, name: str, x: FloatArray, scale: np.float32, trace: dict[str, Int64Array]
    ) -> tuple[FloatArray, np.float32]:
        shape = self._shape

        def act(
            site: str,
            reals: FloatArray,
            scale_in: FloatArray | np.float32,
            bits: int,
            identity: tuple[FloatArray, FloatArray | np.float32] | None = None,
        ) -> tuple[FloatArray, np.float32]:
            return self._act(name + site, reals, scale_in, bits, trace, identity)

        y, one = act("qact1", *self._norm(f"{name}norm1", x, scale), 8)
        qkv, one = act("attn.qact1", *self._linear(f"{name}attn.qkv", y, one), 8)
        split = (qkv / one).reshape(*qkv.shape[:2], 3, shape.heads, shape.head_dim)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        factor = np.float32(shape.head_dim**-0.5)
        scores, score = act(
            "attn.qact_attn1",
            query @ key.swapaxes(-1, -2) * (one * one) * factor,
            one * one * factor,
            8,
        )
        codes = np.rint(scores / score).astype(np.int64)
        probability = upstream_softmax(codes, float(score), 15, 16, FLOAT32)
        trace[f"{name}attn.int_softmax"] = probability
        share = np.float32(2.0**-15)
        joined = (_reals(probability, 1.0) @ value) * (share * one)
        context = joined.transpose(0, 2, 1, 3).reshape(qkv.shape[0], -1, shape.dim)
        y, one = act("attn.qact2", context, share * one, 8)
        y, one = act("attn.qact3", *self._linear(f"{name}attn.proj", y, one), 16)
        x, scale = act("qact2", y, one, 16, (x, scale))

        y, one = act("qact3", *self._norm(f"{name}norm2", x, scale), 8)
        y, one = act("mlp.qact_gelu", *self._linear(f"{name}mlp.fc1", y, one), 8)
        codes = np.rint(y / one).astype(np.int64)
        product = upstream_gelu(codes, float(one), 23, 8, FLOAT32)
        y, one = act("mlp.qact1", _reals(product, float(one) / 128), one / np.float32(128), 8)
        y, one = act("mlp.qact2", *self._linear(f"{name}mlp.fc2", y, one), 16)
        return act("qact4", y, one, 16, (x, scale))

    def _act(
        self,
        site: str,
        reals: FloatArray,
        scale_in: FloatArray | np.float32,
        bits: int,
        trace: dict[str, Int64Array],
        identity: tuple[FloatArray, FloatArray | np.float32] | None = None,
    ) -> tuple[FloatArray, np.float32]:
        """QuantAct.forward: reals and their scale."""
        scale = self._scales[site]
        codes = upstream_requantise(reals, scale_in, scale, bits, identity)
        trace[site] = codes.astype(np.int64)
        return codes * scale, scale

    def _linear(self, name: str, x: FloatArray, scale: np.float32) -> tuple[FloatArray, FloatArray]:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return upstream_linear(x, scale, weight, bias)

    def _norm(self, name: str, x: FloatArray, scale: np.float32) -> tuple[FloatArray, FloatArray]:
        gain, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return upstream_layer_norm(x, scale, gain, bias)
