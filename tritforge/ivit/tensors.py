# SPDX-License-Identifier: Apache-2.0
"""Float parameters of a ViT by timm's names, and the check of what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError
from tritforge.ivit.shape import VisionShape

Float32Array = NDArray[np.float32]
FloatTensors = Mapping[str, Float32Array]


def tensor_shapes(shape: VisionShape) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every float tensor, in timm's order (`vit_tiny_patch16_224` and others)."""
    dim, hidden = shape.dim, shape.hidden
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, shape.tokens, dim),
    }

    def add_linear(name: str, outputs: int, *inputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, *inputs)
        shapes[f"{name}.bias"] = (outputs,)

    add_linear("patch_embed.proj", dim, shape.channels, shape.patch_size, shape.patch_size)
    for layer in range(shape.layers):
        block = f"blocks.{layer}"
        add_linear(f"{block}.norm1", dim)
        add_linear(f"{block}.attn.qkv", 3 * dim, dim)
        add_linear(f"{block}.attn.proj", dim, dim)
        add_linear(f"{block}.norm2", dim)
        add_linear(f"{block}.mlp.fc1", hidden, dim)
        add_linear(f"{block}.mlp.fc2", dim, hidden)
    add_linear("norm", dim)
    add_linear("head", shape.classes, dim)
    return shapes


def check_tensors(tensors: Mapping[str, NDArray[Any]], shape: VisionShape) -> FloatTensors:
    """Tensors of a checkpoint as float32: complete, of the right shapes, and finite.

    Raises:
        CheckpointError: names the tensor, what it holds and what it must hold.
    """
    expected = tensor_shapes(shape)
    missing = [name for name in expected if name not in tensors]
    unknown = [name for name in tensors if name not in expected]
    if missing or unknown:
        raise CheckpointError(
            f"tensors of the checkpoint: missing {_some(missing)}; unknown {_some(unknown)}"
        )
    result: dict[str, Float32Array] = {}
    for name, dimensions in expected.items():
        values = np.asarray(tensors[name])
        if values.shape != dimensions:
            raise CheckpointError(f"{name} has shape {values.shape}, not {dimensions}")
        if values.dtype.kind != "f":
            raise CheckpointError(f"{name} holds {values.dtype}, not floating-point numbers")
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        wrong = np.argwhere(~np.isfinite(single))
        if len(wrong):
            index = tuple(int(i) for i in wrong[0])
            raise CheckpointError(
                f"{name} holds {values[index]} at {index} and {len(wrong) - 1} more numbers that "
                "are not finite in float32: the checkpoint is damaged or its training diverged"
            )
        result[name] = single
    return result


def _some(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(names[:3]) or "none"
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
