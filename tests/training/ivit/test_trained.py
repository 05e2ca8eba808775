# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from training.ivit.model import Quantisation
from training.ivit.trained import TrainedModel, read_trained, write_trained
from tritforge.errors import CheckpointError
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import VisionWidths


@pytest.fixture
def trained() -> TrainedModel:
    random = RandomModel(SMALL_SHAPE, seed=6)
    return TrainedModel(
        "test",
        SMALL_SHAPE,
        Quantisation(VisionWidths(probability=8), WeightFormat.TERNARY),
        random.preprocessing,
        tuple("abcde"),
        random.tensors,
        random.scales,
        {"epochs": 3},
    )


def test_trained_directory_comes_back_with_the_same_integers(
    trained: TrainedModel, tmp_path: Path
) -> None:
    write_trained(tmp_path / "out", trained)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    found = read_trained(tmp_path / "out")
    assert (found.name, found.shape, found.quantisation) == (
        "test",
        SMALL_SHAPE,
        trained.quantisation,
    )
    assert found.labels == trained.labels and dict(found.training) == {"epochs": 3}
    assert found.preprocessing == trained.preprocessing
    before, after = trained.parameters().to_arrays(), found.parameters().to_arrays()
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_config_has_the_agreed_keys(trained: TrainedModel, tmp_path: Path) -> None:
    write_trained(tmp_path, trained)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert list(config) == [
        *("model_type", "name", "shape", "widths", "weight_format", "scale_format"),
        *("preprocessing", "labels", "training"),
    ]
    assert config["model_type"] == "ivit" and config["weight_format"] == "ternary"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model_type", "gpt2", "neither model_type 'ivit'"),
        ("labels", ["one"], "1 labels, 5 classes"),
        ("shape", {"dim": 3}, "config.json"),
        ("weight_format", "int3", "int3"),
        ("scale_format", None, "None"),
        ("widths", {**VisionWidths().to_mapping(), "probability": 99}, "probability = 99"),
        ("preprocessing", {"mean": [0], "std": [0]}, "std above 0"),
    ],
)
def test_wrong_config_is_named(
    trained: TrainedModel, tmp_path: Path, key: str, value: Any, message: str
) -> None:
    write_trained(tmp_path, trained)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config[key] = value
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        read_trained(tmp_path)


def test_damaged_tensors_are_named(trained: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no trained directory"):
        read_trained(tmp_path)
    write_trained(tmp_path, trained)
    tensors = tmp_path / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        read_trained(tmp_path)
