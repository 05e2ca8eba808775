# SPDX-License-Identifier: Apache-2.0
"""A vision transformer of the same shape in PyTorch, float32, on the CPU."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block:
    """Attention and MLP, each behind a norm."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        self._heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.projection = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def __call__(self, x: Tensor) -> Tensor:
        """Residual stream (batch, tokens, dim)."""
        batch, tokens, dim = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self._heads, dim // self._heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.projection(context.transpose(1, 2).reshape(batch, tokens, dim))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


class TorchVision:
    """Random weights of a shape."""

    def __init__(self, shape: Mapping[str, int], threads: int, batch: int) -> None:
        torch.set_num_threads(threads)
        size, patch, dim = shape["image_size"], shape["patch_size"], shape["dim"]
        tokens = (size // patch) ** 2 + 1
        self._patches = nn.Conv2d(shape["channels"], dim, patch, patch)
        self._positions = torch.randn(1, tokens, dim)
        self._blocks = [Block(dim, shape["heads"], shape["hidden"]) for _ in range(shape["layers"])]
        self._norm, self._head = nn.LayerNorm(dim), nn.Linear(dim, shape["classes"])
        self._images = torch.randn(batch, shape["channels"], size, size)

    @torch.inference_mode()
    def classify(self) -> tuple[float, float]:
        """Seconds of one batch, on the clock and of processor time."""
        started, processor = time.perf_counter(), time.process_time()
        patches = self._patches(self._images).flatten(2).transpose(1, 2)
        x = functional.pad(patches, (0, 0, 1, 0)) + self._positions
        for block in self._blocks:
            x = block(x)
        self._head(self._norm(x[:, 0]))
        return time.perf_counter() - started, time.process_time() - processor


def open_engine(shape: Mapping[str, int], threads: int, batch: int) -> TorchVision:
    """See worker."""
    return TorchVision(shape, threads, batch)
