# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from training.language_model.options import TrainingOptions
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import ModelShape

SHAPE = ModelShape(16, 1, 16, 300)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("batch", 0),
        ("accumulation", 17),
        ("length", 1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("clip", -1.0),
        ("weight_decay", -0.1),
        ("schedule", "linear"),
        ("optimiser", "sgd"),
        ("sigmoid", "hard"),
        ("seed", -1),
    ],
)
def test_wrong_value_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        TrainingOptions(SHAPE, **{name: value})  # type: ignore[arg-type]


def test_differences_name_both_values() -> None:
    one = TrainingOptions(SHAPE)
    other = TrainingOptions(dataclasses.replace(SHAPE, dim=32), steps=5)
    assert one.differences(one) == []
    assert set(one.differences(other)) == {"dim 16 is not 32", "steps 1000 is not 5"}


def test_record_round_trip() -> None:
    options = TrainingOptions(SHAPE, steps=7)
    assert TrainingOptions.from_record(dataclasses.asdict(options)) == options
    with pytest.raises(ConfigurationError, match="another version"):
        TrainingOptions.from_record({"shape": {}, "pace": 1})
