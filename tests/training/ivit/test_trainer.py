# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from tests.training.ivit.tiny import PREPROCESSING, RECIPE, SHAPE, shades  # noqa: E402
from training.ivit.augmentation import Augmentation  # noqa: E402
from training.ivit.model import Quantisation, VisionTransformer  # noqa: E402
from training.ivit.trainer import DeviceImages, Recipe, Trainer  # noqa: E402
from tritforge.errors import CheckpointError, ConfigurationError  # noqa: E402
from tritforge.ivit.quantise import WeightFormat  # noqa: E402

CPU = torch.device("cpu")
TRAIN, TEST = (DeviceImages.of(shades(count, seed), CPU) for count, seed in ((120, 0), (60, 1)))


def quiet(line: str) -> None:
    """No lines in the output of tests."""


def trainer(recipe: Recipe = RECIPE, quantisation: Quantisation | None = None) -> Trainer:
    torch.manual_seed(recipe.seed)
    model = VisionTransformer(SHAPE, quantisation, drop_path=0.1)
    return Trainer(model, TRAIN, TEST, PREPROCESSING, recipe)


def test_training_learns_in_reals_and_in_whole_numbers(tmp_path: Path) -> None:
    plain = replace(RECIPE, augmentation=Augmentation(shift=0, flip=0.5, erase=0, mix=0))
    reals = trainer(replace(plain, epochs=30))
    reals.fit(tmp_path, note=quiet)
    assert reals.accuracy() > 85

    formats = Quantisation(weight_format=WeightFormat.TERNARY)
    teacher = reals.model.requires_grad_(False)
    torch.manual_seed(1)
    model = VisionTransformer(SHAPE, formats)
    model.load_state_dict(teacher.state_dict())
    recipe = replace(plain, epochs=10, teacher=0.5, average=0.0)
    whole = Trainer(model, TRAIN, TEST, PREPROCESSING, recipe, teacher)
    whole.calibrate()
    model.quantised = True
    whole.calibrate(quantised=True)
    scales = model.scales()
    whole.fit(tmp_path / "whole", note=quiet)
    assert whole.accuracy() > 85
    assert model.scales() != scales


@pytest.mark.parametrize("quantised", [False, True])
def test_resumed_run_is_the_same_run(tmp_path: Path, quantised: bool) -> None:
    def begin() -> Trainer:
        result = trainer(replace(RECIPE, epochs=4, evaluate_every=2))
        if quantised:
            result.calibrate()
            result.model.quantised = True
        return result

    whole = begin()
    whole.fit(tmp_path / "whole", note=quiet)

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        raise Stopped

    stopped = begin()
    with pytest.raises(Stopped):
        stopped.fit(tmp_path / "parts", note=stop)
    resumed = begin()
    torch.manual_seed(99)
    resumed.fit(tmp_path / "parts", resume=True, note=quiet)
    for name, values in whole.model.state_dict().items():
        assert torch.equal(values, resumed.model.state_dict()[name]), name
    text = (tmp_path / "parts" / "log.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]


def test_state_of_another_recipe_is_refused(tmp_path: Path) -> None:
    trainer(replace(RECIPE, epochs=1)).fit(tmp_path, note=quiet)
    other = trainer(replace(RECIPE, epochs=1, learning_rate=0.5))
    with pytest.raises(CheckpointError, match=r"learning_rate = 0.003, not 0.5"):
        other.fit(tmp_path, resume=True, note=quiet)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        trainer().fit(tmp_path / "nothing", resume=True, note=quiet)


def test_diverged_training_stops_with_advice(tmp_path: Path) -> None:
    diverging = trainer()
    with torch.no_grad():
        diverging.model.head.weight.fill_(float("inf"))
    with pytest.raises(ConfigurationError, match="smaller --learning-rate"):
        diverging.fit(tmp_path, note=quiet)


def test_rate_rises_and_falls() -> None:
    measured = trainer(replace(RECIPE, epochs=10, warmup=10))
    rates = []
    for measured.steps in range(40):
        rates.append(measured._rate())
    assert rates[0] < rates[5] < rates[9]
    assert rates[12] > rates[25] > rates[39] >= 0.01 * RECIPE.learning_rate
