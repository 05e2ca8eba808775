# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from safetensors.numpy import save_file  # noqa: E402

from testing.ivit_checkpoint import upstream_state_dict  # noqa: E402
from testing.ivit_random_model import SMALL_SHAPE, RandomModel  # noqa: E402
from training.ivit.initial import read_initial, take_weights, weights_of  # noqa: E402
from training.ivit.model import Quantisation, VisionTransformer  # noqa: E402
from training.ivit.trained import site_names  # noqa: E402
from tritforge.errors import CheckpointError  # noqa: E402
from tritforge.ivit.golden import IvitGoldenModel  # noqa: E402
from tritforge.ivit.model_quantiser import quantise_model  # noqa: E402
from tritforge.ivit.quantise import ScaleFormat, WeightFormat  # noqa: E402


@pytest.fixture
def random() -> RandomModel:
    return RandomModel(SMALL_SHAPE, seed=5)


def quant_train_state(random: RandomModel) -> dict[str, Any]:
    """State dict as upstream's quant_train.py saves it."""
    state = upstream_state_dict(random.shape, random.tensors, random.scales)
    return {name: torch.from_numpy(values) for name, values in state.items()}


def test_checkpoint_of_quant_train_gives_its_integers(random: RandomModel, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth.tar"
    torch.save(quant_train_state(random), path)
    weights = read_initial(path, SMALL_SHAPE)
    model = VisionTransformer(SMALL_SHAPE).eval()
    take_weights(model, weights)
    assert model.scales() == random.scales
    model.quantised = True
    pixels = random.images(32, seed=2)
    reals = random.preprocessing.normalise(pixels).transpose(0, 3, 1, 2)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.ascontiguousarray(reals))).numpy()
    golden = IvitGoldenModel(
        quantise_model(SMALL_SHAPE, random.tensors, random.scales, random.preprocessing)
    )
    expected = golden.logits(pixels) * 2.0**-golden.logit_fraction
    np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_float_weights_of_timm(random: RandomModel, tmp_path: Path) -> None:
    save_file(dict(random.tensors), tmp_path / "model.safetensors")
    torch.save(
        {"model": {n: torch.from_numpy(v) for n, v in random.tensors.items()}},
        tmp_path / "deit.pth",
    )
    for name in ("model.safetensors", "deit.pth"):
        weights = read_initial(tmp_path / name, SMALL_SHAPE)
        assert not weights.scales and not weights.new_head
        for key, values in random.tensors.items():
            np.testing.assert_array_equal(weights.tensors[key], values)


def test_head_of_other_classes_is_left_out(random: RandomModel) -> None:
    arrays = dict(random.tensors)
    arrays["head.weight"] = np.zeros((1000, SMALL_SHAPE.dim), np.float32)
    arrays["head.bias"] = np.zeros(1000, np.float32)
    weights = weights_of(arrays, SMALL_SHAPE)
    model = VisionTransformer(SMALL_SHAPE)
    before = model.head.weight.detach().clone()
    take_weights(model, weights)
    assert weights.new_head and torch.equal(model.head.weight, before)
    assert np.array_equal(model.norm.weight.detach().numpy(), random.tensors["norm.weight"])


def test_incomplete_scales_are_left_out(random: RandomModel) -> None:
    state = {name: values.numpy() for name, values in quant_train_state(random).items()}
    del state[f"{site_names(SMALL_SHAPE)[4]}.act_scaling_factor"]
    assert not weights_of(state, SMALL_SHAPE).scales


def test_wrong_checkpoints_are_named(random: RandomModel, tmp_path: Path) -> None:
    missing = {n: v for n, v in random.tensors.items() if n != "blocks.1.mlp.fc1.bias"}
    with pytest.raises(CheckpointError, match=r"missing blocks\.1\.mlp\.fc1\.bias"):
        weights_of(missing, SMALL_SHAPE)
    damaged = dict(random.tensors)
    damaged["norm.bias"] = np.full(SMALL_SHAPE.dim, np.nan, np.float32)
    with pytest.raises(CheckpointError, match=r"norm\.bias holds nan"):
        weights_of(damaged, SMALL_SHAPE)
    scales: dict[str, Any] = dict(random.tensors)
    scales["qact1.act_scaling_factor"] = np.ones(3, np.float32)
    with pytest.raises(CheckpointError, match=r"qact1\.act_scaling_factor has shape \(3,\)"):
        weights_of(scales, SMALL_SHAPE)
    with pytest.raises(CheckpointError, match="no checkpoint that can be read"):
        read_initial(tmp_path / "missing.pth", SMALL_SHAPE)
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"bad\.safetensors is no file"):
        read_initial(tmp_path / "bad.safetensors", SMALL_SHAPE)


def test_scales_of_other_formats_are_left_out(random: RandomModel) -> None:
    weights = weights_of(
        {name: values.numpy() for name, values in quant_train_state(random).items()}, SMALL_SHAPE
    )
    for formats in (
        Quantisation(weight_format=WeightFormat.TERNARY),
        Quantisation(scale_format=ScaleFormat.POWER_OF_TWO),
    ):
        model = VisionTransformer(SMALL_SHAPE, formats)
        take_weights(model, weights)
        assert set(model.scales().values()) == {0}
