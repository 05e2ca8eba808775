# SPDX-License-Identifier: Apache-2.0
"""Upstream's quantised vision transformer, one number at a time, in exact integers and fractions.

Written from models/vit_quant.py and models/quantization_utils of zkkli/I-ViT, from float weights
and activation scales on: nothing is folded, nothing is shared with the package. Scales and their
products are float32 as there; sums and requantisations are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from tests.tritforge.ivit.golden.upstream import (
    clamp,
    frexp_factor,
    int_gelu,
    int_layer_norm,
    int_softmax,
    round_half_even,
)

Row = list[int]
Rows = list[Row]
F = np.float32


def to_integer(value: Any, scale: Any, bits: int) -> int:
    """SymmetricQuantFunction of one float32 number."""
    return clamp(round_half_even(Fraction(float(F(1) / F(scale) * F(value)))), bits)


def requantised(z: int, scale_in: Any, scale_out: Any) -> int:
    """fixedpoint_mul of one integer, not clamped."""
    return round_half_even(z * frexp_factor(float(F(scale_in)) / float(F(scale_out))))


class PlainModel:
    """Forward pass of one image; `sites` receives the integers of every QuantAct."""

    def __init__(
        self,
        shape: Any,
        tensors: Mapping[str, Any],
        scales: Mapping[str, Any],
        normalise: Callable[[Any], Any],
    ) -> None:
        self.shape, self.tensors, self.scales, self.normalise = shape, tensors, scales, normalise
        self.sites: dict[str, Rows] = {}

    def logits(self, pixels: Any) -> list[Fraction]:
        """One exact number per class."""
        shape, patch = self.shape, self.shape.patch_size
        reals = self.normalise(pixels)
        scale = self.scales["qact_input"]
        side = shape.image_size // patch
        kernel = self.tensors["patch_embed.proj.weight"].reshape(shape.dim, -1)
        patches: Rows = []
        for top in range(side):
            for left in range(side):
                patches.append(
                    [
                        to_integer(reals[top * patch + y, left * patch + x, channel], scale, 8)
                        for channel in range(shape.channels)
                        for y in range(patch)
                        for x in range(patch)
                    ]
                )
        bias = self.tensors["patch_embed.proj.bias"]
        sums, vector = self.linear(patches, scale, kernel, bias)
        embedded, scale = self.act("patch_embed.qact", sums, vector, 16)
        token = [
            round_half_even(Fraction(float(F(value) / F(scale))))
            for value in self.tensors["cls_token"][0, 0]
        ]
        position_scale = self.scales["qact_pos"]
        position = [
            [to_integer(value, position_scale, 16) for value in row]
            for row in self.tensors["pos_embed"][0]
        ]
        x, scale = self.add("qact1", [token, *embedded], scale, position, position_scale)
        for layer in range(shape.layers):
            x, scale = self.block(f"blocks.{layer}.", x, scale)
        normed, vector = self.norm("norm", x)
        row, scale = self.act("qact2", normed[:1], vector, 8)
        sums, vector = self.linear(
            row, scale, self.tensors["head.weight"], self.tensors["head.bias"]
        )
        return [z * Fraction(float(one)) for z, one in zip(sums[0], vector)]

    def block(self, name: str, x: Rows, scale: Any) -> tuple[Rows, Any]:
        """Block.forward."""
        shape, width = self.shape, self.shape.head_dim

        def linear(module: str, rows: Rows, one: Any) -> tuple[Rows, list[Any]]:
            weight, bias = (self.tensors[f"{name}{module}.{kind}"] for kind in ("weight", "bias"))
            return self.linear(rows, one, weight, bias)

        y, one = self.act(f"{name}qact1", *self.norm(f"{name}norm1", x), 8)
        qkv, one = self.act(f"{name}attn.qact1", *linear("attn.qkv", y, one), 8)
        tokens = range(len(qkv))
        context: Rows = [[] for _ in tokens]
        all_scores: Rows = []
        for head in range(shape.heads):
            q, k, v = (
                [row[part * shape.dim + head * width :][:width] for row in qkv] for part in range(3)
            )
            products = [[sum(a * b for a, b in zip(q[i], k[j])) for j in tokens] for i in tokens]
            product_scale = F(one) * F(one) * F(width**-0.5)
            site = f"{name}attn.qact_attn1"
            out = self.scales[site]
            scores = [
                [clamp(requantised(z, product_scale, out), 8) for z in row] for row in products
            ]
            all_scores += scores
            x0 = math.floor(F(-1) / F(out))
            shares = [int_softmax(row, x0, 15, 16) for row in scores]
            for i in tokens:
                for c in range(width):
                    context[i].append(sum(shares[i][j] * v[j][c] for j in tokens))
        self.sites[f"{name}attn.qact_attn1"] = all_scores
        vector = [F(2.0**-15) * F(one)] * shape.dim
        y, one = self.act(f"{name}attn.qact2", context, vector, 8)
        y, one = self.act(f"{name}attn.qact3", *linear("attn.proj", y, one), 16)
        x, scale = self.add(f"{name}qact2", y, one, x, scale)
        y, one = self.act(f"{name}qact3", *self.norm(f"{name}norm2", x), 8)
        y, one = self.act(f"{name}mlp.qact_gelu", *linear("mlp.fc1", y, one), 8)
        x0 = math.floor(F(-1) / (F(one) * F(1.702)))
        y = [int_gelu(row, x0, 23, 8) for row in y]
        y, one = self.act(f"{name}mlp.qact1", y, [F(one) * F(2.0**-7)] * len(y[0]), 8)
        y, one = self.act(f"{name}mlp.qact2", *linear("mlp.fc2", y, one), 16)
        return self.add(f"{name}qact4", y, one, x, scale)

    def linear(self, rows: Rows, scale_in: Any, weight: Any, bias: Any) -> tuple[Rows, list[Any]]:
        """QuantLinear.forward: sums and their scales."""
        vector: list[Any] = []
        outputs: list[tuple[Row, int]] = []
        for kernel, offset in zip(weight, bias):
            scale = max(max(-kernel.min(), kernel.max()) / F(127), np.finfo(F).eps)
            vector.append(F(scale) * F(scale_in))
            codes = [to_integer(value, scale, 8) for value in kernel]
            outputs.append((codes, to_integer(offset, vector[-1], 32)))
        sums = [
            [sum(a * b for a, b in zip(row, codes)) + offset for codes, offset in outputs]
            for row in rows
        ]
        return sums, vector

    def norm(self, name: str, rows: Rows) -> tuple[Rows, list[Any]]:
        """IntLayerNorm.forward: integers and their scales."""
        gain, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        unit = np.sqrt(F(len(gain))) / F(2**30)
        codes = [
            math.floor(Fraction(float(float(b) / float(g) / float(unit))))
            for g, b in zip(gain, bias)
        ]
        return [int_layer_norm(row, codes) for row in rows], [F(unit) * F(g) for g in gain]

    def act(self, site: str, rows: Rows, vector: list[Any], bits: int) -> tuple[Rows, Any]:
        """QuantAct.forward of integers with a scale per channel."""
        out = self.scales[site]
        self.sites[site] = [
            [clamp(requantised(z, one, out), bits) for z, one in zip(row, vector)] for row in rows
        ]
        return self.sites[site], out

    def add(
        self, site: str, rows: Rows, scale: Any, identity: Rows, identity_scale: Any
    ) -> tuple[Rows, Any]:
        """QuantAct.forward with an identity."""
        out = self.scales[site]
        self.sites[site] = [
            [
                clamp(requantised(a, scale, out) + requantised(b, identity_scale, out), 16)
                for a, b in zip(row, other)
            ]
            for row, other in zip(rows, identity)
        ]
        return self.sites[site], out
