# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of vision transformers: what converts to which integers, and what is refused."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from testing.ivit_checkpoint import (
    upstream_state_dict,
    write_timm_weights,
    write_trained_directory,
)
from testing.ivit_random_model import RandomModel, random_tensors
from tritforge.errors import CheckpointError, TritforgeError
from tritforge.ivit.convert import VisionConversionOptions, convert_vision
from tritforge.ivit.convert.checkpoint import SCALE_SUFFIX
from tritforge.ivit.image import open_vision_image
from tritforge.ivit.preprocessing import IMAGENET, Preprocessing
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths, preset
from tritforge.ivit.sites import activation_sites

#: Heads of 64 channels, so that the tensors alone say the whole shape.
PLAIN_SHAPE = VisionShape(
    image_size=4, patch_size=2, channels=3, dim=64, heads=1, layers=1, hidden=8, classes=3
)
WEIGHTS = "model.safetensors"


@pytest.fixture(params=list(WeightFormat), ids=str)
def model(request: pytest.FixtureRequest) -> RandomModel:
    return RandomModel(weight_format=request.param)


def same_integers(path: Path, model: RandomModel) -> bool:
    found, expected = open_vision_image(path).parameters.to_arrays(), model.parameters.to_arrays()
    return all(np.array_equal(found[name], array) for name, array in expected.items())


def test_trained_directory_gives_the_integers_of_the_quantiser(
    model: RandomModel, tmp_path: Path
) -> None:
    folder = write_trained_directory(tmp_path / "trained", model)
    report = convert_vision(
        folder, tmp_path / "new" / "x.tritforge", VisionConversionOptions(keep_float=True)
    )
    image = open_vision_image(report.path)
    assert same_integers(report.path, model)
    assert report.file_bytes == image.file_bytes and report.calibration_images == 0
    assert image.tensors is not None
    header = image.header
    assert (header.name, header.labels[0]) == ("trained", "thing 0")
    assert (header.preprocessing, header.weight_format) == (
        model.preprocessing,
        model.weight_format,
    )
    assert header.source["epochs"] == "3" and header.source["scale_format"] == "real"
    assert len(header.source["checkpoint_sha256"]) == 64


def test_upstreams_state_dict_is_that_of_its_modules() -> None:
    """A DeiT-tiny has 550 entries, 174 of them in shapes that its own modules do not register."""
    shape = preset("deit-tiny")
    scales = dict.fromkeys(activation_sites(shape, VisionWidths()), np.float32(1))
    state = upstream_state_dict(shape, random_tensors(shape), scales)
    registered_as_one = (SCALE_SUFFIX, ".norm_scaling_factor")
    unlike = [
        name
        for name, values in state.items()
        if name.endswith(registered_as_one) and values.shape != (1,)
    ]
    assert (len(state), len(unlike)) == (550, 174)


def write_upstream(folder: Path, model: RandomModel) -> Path:
    path = folder / "checkpoint.safetensors"
    save_file(upstream_state_dict(model.shape, model.tensors, model.scales), path)
    return path


def test_upstreams_state_dict_gives_the_integers_of_its_scales(tmp_path: Path) -> None:
    """What follows from the weights is made anew: nonsense in it changes nothing."""
    model = RandomModel(PLAIN_SHAPE)
    path = write_upstream(tmp_path, model)
    tensors = load_file(path)
    nonsense = np.array([np.nan], np.float32)
    for name in (
        *("blocks.0.attn.qkv.fc_scaling_factor", "blocks.0.attn.qkv.weight_integer"),
        *("norm.norm_scaling_factor", "blocks.0.attn.qact_softmax.act_scaling_factor"),
    ):
        tensors[name] = nonsense
    # A list of one number is that number.
    tensors[f"qact1{SCALE_SUFFIX}"] = tensors[f"qact1{SCALE_SUFFIX}"].reshape(1)
    save_file(tensors, path)
    report = convert_vision(path, tmp_path / "x.tritforge")
    image = open_vision_image(report.path)
    assert image.header.shape == PLAIN_SHAPE
    assert (image.header.name, image.header.preprocessing) == ("checkpoint", IMAGENET)
    expected = model.parameters.to_arrays()
    for name, array in image.parameters.to_arrays().items():
        # The pixels' normalisation is ImageNet's, that of the random model another one.
        assert name == "input_table" or np.array_equal(array, expected[name]), name


def test_pickled_state_dict_is_read_without_its_code(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch files need the optional extra `torch`")
    state = load_file(write_upstream(tmp_path, RandomModel(PLAIN_SHAPE)))
    tensors = {name: torch.from_numpy(values) for name, values in state.items()}
    path = tmp_path / "checkpoint.pth.tar"
    torch.save(tensors, path)
    report = convert_vision(path, tmp_path / "x.tritforge")
    assert open_vision_image(report.path).header.shape == PLAIN_SHAPE
    torch.save({"model": tensors, "args": argparse.Namespace(epochs=90)}, path)
    with pytest.raises(CheckpointError, match="not a readable PyTorch file"):
        convert_vision(path, tmp_path / "x.tritforge")


def test_float_weights_are_calibrated_with_pictures(tmp_path: Path) -> None:
    model = RandomModel(PLAIN_SHAPE)
    path = write_timm_weights(tmp_path / "vit.safetensors", model)
    asked: list[tuple[VisionShape, Preprocessing]] = []

    def pictures(shape: VisionShape, preprocessing: Preprocessing) -> Iterator[np.ndarray]:
        asked.append((shape, preprocessing))
        yield model.images(4)
        yield model.images(3, seed=2)

    with pytest.raises(CheckpointError, match=r"no scales of activations.*--calibration-images"):
        convert_vision(path, tmp_path / "x.tritforge")
    report = convert_vision(path, tmp_path / "x.tritforge", pictures=pictures)
    assert report.calibration_images == 7 and asked == [(PLAIN_SHAPE, IMAGENET)]
    image = open_vision_image(report.path)
    assert image.header.source["calibration_images"] == "7"
    assert image.header.labels == ("class 0", "class 1", "class 2")


def test_timms_configuration_says_how_pictures_are_normalised(tmp_path: Path) -> None:
    model = RandomModel(PLAIN_SHAPE)
    folder = tmp_path / "vit"
    folder.mkdir()
    write_timm_weights(folder / WEIGHTS, model)
    numbers = {"mean": [0.5] * 3, "std": [0.25] * 3, "crop_pct": 0.9}
    configuration = {"architecture": "vit_tiny_patch16_224", "pretrained_cfg": numbers}
    (folder / "config.json").write_text(json.dumps(configuration))
    report = convert_vision(
        folder, tmp_path / "x.tritforge", pictures=lambda shape, how: [model.images(4)]
    )
    header = open_vision_image(report.path).header
    assert header.preprocessing == Preprocessing((0.5,) * 3, (0.25,) * 3, crop=0.9)
    assert header.name == "vit_tiny_patch16_224"


def test_options_come_before_the_checkpoint(tmp_path: Path) -> None:
    folder = write_trained_directory(tmp_path / "x", RandomModel())
    labels = tuple("abcde")
    options = VisionConversionOptions(name="other", labels=labels, light_on_dark=True)
    header = open_vision_image(
        convert_vision(folder, tmp_path / "x.tritforge", options).path
    ).header
    assert (header.name, header.labels) == ("other", labels)
    assert header.preprocessing.light_on_dark


def test_the_name_is_the_default_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_trained_directory(tmp_path / "x", RandomModel())
    monkeypatch.chdir(tmp_path)
    assert convert_vision(folder).path == Path("trained.tritforge")


def edit_tensor(name: str, change: Callable[[np.ndarray], np.ndarray | None]) -> Any:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        changed = change(tensors.pop(name).copy())
        if changed is not None:
            tensors[name] = changed
        save_file(tensors, folder / WEIGHTS)

    return edit


def edit_key(key: str, value: Any) -> Any:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        values = json.loads(path.read_text())
        values[key] = value
        path.write_text(json.dumps(values))

    return edit


def with_value(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(tensor: np.ndarray) -> np.ndarray:
        tensor.reshape(-1)[0] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param(
            *("blocks.0.attn.proj.bias", np.nan),
            "tensor blocks.0.attn.proj.bias holds values that are not finite",
            id="NaN",
        ),
        pytest.param(
            *("blocks.0.norm2.weight", 0), "blocks.0.norm2.weight of channel 0 is 0", id="zero_gain"
        ),
        pytest.param(
            *("blocks.0.attn.qact_attn1.act_scaling_factor", 1e-5),
            "blocks.0.attn.qact_attn1: |x0| = ",
            id="saturating_scale",
        ),
        pytest.param(
            *("qact1.act_scaling_factor", 2**-23),
            "qact1: scale 1.19209e-07 must be finite and above",
            id="never_calibrated",
        ),
    ],
)
def test_upstreams_state_dict_is_refused_by_tensor_value_and_limit(
    name: str, value: float, words: str, tmp_path: Path
) -> None:
    path = write_upstream(tmp_path, RandomModel(PLAIN_SHAPE))
    tensors = load_file(path)
    tensors[name] = with_value(value)(tensors[name].copy())
    save_file(tensors, path)
    with pytest.raises(TritforgeError) as refused:
        convert_vision(path, tmp_path / "x.tritforge")
    assert words in str(refused.value)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        pytest.param(
            edit_tensor("blocks.1.attn.proj.bias", with_value(np.nan)),
            "tensor blocks.1.attn.proj.bias holds values that are not finite",
            id="NaN",
        ),
        pytest.param(
            edit_tensor("blocks.0.norm2.weight", with_value(0)),
            "blocks.0.norm2.weight of channel 0 is 0",
            id="zero_gain",
        ),
        pytest.param(
            edit_tensor("blocks.1.mlp.qact_gelu.act_scaling_factor", with_value(1e-4)),
            "blocks.1.mlp.qact_gelu: |x0| = ",
            id="saturating_scale",
        ),
        pytest.param(
            edit_tensor("qact1.act_scaling_factor", with_value(2**-23)),
            "qact1: scale 1.19209e-07 must be finite and above",
            id="never_calibrated",
        ),
        pytest.param(
            edit_tensor("qact1.act_scaling_factor", with_value(np.inf)),
            "tensor qact1.act_scaling_factor holds values that are not finite",
            id="infinite_scale",
        ),
        pytest.param(
            edit_tensor("qact2.act_scaling_factor", lambda _: None),
            "no activation scale for qact2",
            id="missing_scale",
        ),
        pytest.param(
            edit_tensor("qact2.act_scaling_factor", lambda _: np.ones(2, np.float32)),
            "qact2.act_scaling_factor has shape (2,)",
            id="several_scales",
        ),
        pytest.param(
            edit_tensor("head.weight", lambda tensor: tensor[:, 1:].copy()),
            "head.weight has shape (5, 11), not (5, 12)",
            id="shape",
        ),
        pytest.param(
            edit_tensor("norm.bias", lambda _: None), "missing norm.bias", id="missing_tensor"
        ),
        pytest.param(edit_key("weight_format", "int4"), "weight_format is 'int4'", id="format"),
        pytest.param(edit_key("scale_format", 3), "scale_format is 3", id="scale_format"),
        pytest.param(edit_key("labels", ["a"]), "1 labels for 5 classes", id="labels"),
        pytest.param(edit_key("labels", "abc"), "not a list of strings", id="no_labels"),
        pytest.param(edit_key("shape", {"dim": 3}), "config.json: shape: missing", id="no_shape"),
        pytest.param(edit_key("training", None), "training must be an object", id="training"),
        pytest.param(edit_key("name", "\x1b[31m"), "name = ", id="name"),
        pytest.param(edit_key("model_type", "bert"), "neither model_type 'ivit'", id="model_type"),
    ],
)
def test_errors_name_tensor_value_and_limit(
    edit: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    folder = write_trained_directory(tmp_path / "trained", RandomModel())
    edit(folder)
    output = tmp_path / "out" / "x.tritforge"
    with pytest.raises(TritforgeError) as refused:
        convert_vision(folder, output)
    assert words in str(refused.value)
    assert not output.parent.exists() or not list(output.parent.iterdir())


def test_a_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    folder = write_trained_directory(tmp_path / "trained", RandomModel())
    with pytest.raises(CheckpointError, match="it belongs to the checkpoint"):
        convert_vision(folder, folder / WEIGHTS)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (RandomModel().shape, "12 channels are no multiple of 64.*give --heads"),
        (
            VisionShape(
                image_size=4,
                patch_size=2,
                channels=1,
                dim=64,
                heads=1,
                layers=1,
                hidden=8,
                classes=3,
            ),
            "how pictures of 1 colours are normalised",
        ),
    ],
)
def test_what_no_tensor_says_is_asked_for(shape: VisionShape, words: str, tmp_path: Path) -> None:
    path = write_timm_weights(tmp_path / "vit.safetensors", RandomModel(shape))
    with pytest.raises(CheckpointError, match=words):
        convert_vision(path, tmp_path / "x.tritforge")


def test_a_file_that_is_no_vit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros((2, 2), np.float32)}, path)
    with pytest.raises(CheckpointError, match=r"patch_embed\.proj\.weight is missing"):
        convert_vision(path, tmp_path / "x.tritforge")
    with pytest.raises(CheckpointError, match="is no file and no directory"):
        convert_vision(tmp_path / "missing", tmp_path / "x.tritforge")
