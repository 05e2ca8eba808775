# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from tests.training.ivit.tiny import SHAPE, shades, write_idx
from training.ivit import cli
from training.ivit.trained import read_trained
from tritforge.ivit.golden.processes import golden_logits

TEST_IMAGES = shades(60, seed=1)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny data set, and a model that fits it."""
    monkeypatch.setattr(cli, "preset", lambda name: SHAPE)
    write_idx(tmp_path / "data", "train", shades(120, seed=0))
    write_idx(tmp_path / "data", "t10k", TEST_IMAGES)
    return tmp_path / "data"


def run(data: Path, out: str, *options: str) -> int:
    common = ("--data", str(data), "--out", str(data.parent / out), "--device", "cpu")
    return cli.main([*common, "--batch", "30", "--evaluate-every", "2", "--warmup", "5", *options])


def test_from_reals_to_integers(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data.parent
    assert run(data, "float", "--epochs", "10", "--learning-rate", "3e-3") == 0
    init = ("--init", str(out / "float"))
    assert run(data, "calibrated", "--mode", "calibrate", *init) == 0
    teacher = ("--teacher", str(out / "float"))
    qat = ("--mode", "qat", "--epochs", "2", "--learning-rate", "1e-3")
    assert run(data, "qat", *qat, *init, *teacher, "--weights", "ternary") == 0
    assert run(data, "power", *qat, *init, "--scales", "power-of-two") == 0
    assert run(data, "four", *qat, *init, "--probability-bits", "4") == 0
    assert "test images in PyTorch" in capsys.readouterr().out

    assert not read_trained(out / "float").scales
    assert read_trained(out / "power").quantisation.widths.multiplier == 1
    assert read_trained(out / "four").quantisation.widths.probability == 4
    for name in ("calibrated", "qat", "power", "four"):
        # The golden model, from the file alone, to the last image.
        trained = read_trained(out / name)
        logits = golden_logits(trained.parameters(), TEST_IMAGES.pixels)
        right = int((logits.argmax(1) == TEST_IMAGES.classes).sum())
        facts = json.loads((out / name / "config.json").read_text(encoding="utf-8"))["training"]
        assert 100 * right / 60 == pytest.approx(facts["test_accuracy_pytorch"], abs=1e-9), name
        assert facts["test_images"] == 60
        assert facts["test_accuracy_float"] > 50


def test_resumed_command_gives_the_same_files(data: Path) -> None:
    out = data.parent
    options = ("--epochs", "2", "--seed", "3")
    assert run(data, "whole", *options) == 0
    tensors = (out / "whole" / "model.safetensors").read_bytes()
    # All epochs are done: resuming only writes the result again.
    assert run(data, "whole", *options, "--resume") == 0
    assert (out / "whole" / "model.safetensors").read_bytes() == tensors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mode", "calibrate"), "needs --init"),
        (("--epochs", "0"), "--epochs 0 is out of range"),
        (("--learning-rate", "-1"), "--learning-rate -1.0 is out of range"),
        (("--percentile", "nan"), "--percentile nan is out of range"),
        (("--probability-bits", "3", "--mode", "qat"), "probability"),
        (("--device", "cuda:7"), "--device cuda:7 cannot be used"),
        (("--device", "toaster"), "--device toaster cannot be used"),
        (("--init", "nothing.pth"), "nothing.pth is no checkpoint"),
        (("--resume",), "state.pt is no checkpoint"),
    ],
)
def test_mistakes_are_errors_without_traceback(
    data: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert run(data, "out", *options) == 1
    error = capsys.readouterr().err
    assert message in error and error.splitlines()[-1].startswith("error: ")
    assert not (data.parent / "out" / "config.json").exists()


def test_weights_that_the_integers_refuse_are_not_written(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = data.parent
    assert run(data, "float", "--epochs", "1") == 0
    from safetensors.numpy import load_file, save_file

    path = out / "float" / "model.safetensors"
    tensors = load_file(path)
    tensors["norm.weight"] = np.array(tensors["norm.weight"])
    tensors["norm.weight"][2] = 0
    tensors["norm.bias"] = np.full_like(tensors["norm.bias"], 0.5)
    save_file(tensors, path)
    assert run(data, "zero", "--mode", "calibrate", "--init", str(out / "float")) == 1
    assert "norm.weight of channel 2 is 0" in capsys.readouterr().err
    assert not (out / "zero" / "model.safetensors").exists()
