# SPDX-License-Identifier: Apache-2.0
"""Float tensors of a checkpoint: names, shapes, and everything that is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE, random_tensors
from tritforge.errors import CheckpointError
from tritforge.ivit.shape import preset
from tritforge.ivit.tensors import Float32Array, check_tensors, tensor_shapes

Tensors = dict[str, Float32Array]


@pytest.fixture
def tensors() -> Tensors:
    return random_tensors(SMALL_SHAPE)


def test_names_and_shapes_are_those_of_timm() -> None:
    shapes = tensor_shapes(preset("deit-tiny"))
    assert len(shapes) == 152  # state dict of timm's deit_tiny_patch16_224
    assert shapes["patch_embed.proj.weight"] == (192, 3, 16, 16)
    assert shapes["blocks.11.attn.qkv.weight"] == (576, 192)
    assert shapes["blocks.0.mlp.fc2.weight"] == (192, 768)
    assert shapes["pos_embed"] == (1, 197, 192)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 5_717_416


def test_other_float_types_become_float32(tensors: Tensors) -> None:
    wide = {name: values.astype(np.float64) for name, values in tensors.items()}
    wide["cls_token"] = tensors["cls_token"].astype(np.float16)
    checked = check_tensors(wide, SMALL_SHAPE)
    assert {values.dtype for values in checked.values()} == {np.dtype(np.float32)}
    assert list(checked) == list(tensor_shapes(SMALL_SHAPE))


def test_missing_and_unknown_tensors_are_named(tensors: Tensors) -> None:
    del tensors["norm.bias"]
    tensors["dist_token"] = np.zeros((1, 1, 12), np.float32)
    with pytest.raises(CheckpointError, match=r"missing norm\.bias; unknown dist_token"):
        check_tensors(tensors, SMALL_SHAPE)


def test_long_lists_are_cut(tensors: Tensors) -> None:
    tensors.update({f"extra.{i}": np.zeros(1, np.float32) for i in range(30)})
    with pytest.raises(CheckpointError, match=r"extra\.0, extra\.1, extra\.2 and 27 more"):
        check_tensors(tensors, SMALL_SHAPE)


def test_a_wrong_shape_is_named(tensors: Tensors) -> None:
    tensors["pos_embed"] = tensors["pos_embed"][:, :-1]
    with pytest.raises(
        CheckpointError, match=r"pos_embed has shape \(1, 9, 12\), not \(1, 10, 12\)"
    ):
        check_tensors(tensors, SMALL_SHAPE)


def test_integers_are_no_weights(tensors: Tensors) -> None:
    name = "blocks.0.mlp.fc1.weight"
    wrong = {**tensors, name: tensors[name].astype(np.int8)}
    with pytest.raises(CheckpointError, match=r"fc1\.weight holds int8, not floating-point"):
        check_tensors(wrong, SMALL_SHAPE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_are_named(tensors: Tensors, value: float) -> None:
    name = "blocks.1.norm2.weight"
    values = tensors[name].astype(np.float64)
    values[3] = value
    with pytest.raises(
        CheckpointError, match=rf"norm2\.weight holds {value} at \(3,\)".replace("+", r"\+")
    ):
        check_tensors({**tensors, name: values}, SMALL_SHAPE)
