# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest

from training.language_model.options import TrainingOptions
from training.language_model.schedule import FINAL_SHARE, learning_rate, weight_decay
from tritforge.language_model.config import ModelShape

SHAPE = ModelShape(16, 1, 16, 300)


def test_cosine_warms_up_and_falls_to_its_share() -> None:
    options = TrainingOptions(SHAPE, steps=100, warm_up=9, learning_rate=1.0)
    rates = [learning_rate(options, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == rates[9] and rates[9] == pytest.approx(1.0, rel=0.03)
    assert all(later <= earlier for earlier, later in pairwise(rates[9:]))
    assert rates[100] == pytest.approx(FINAL_SHARE)
    assert weight_decay(options, 99) == options.weight_decay


def test_second_stage_has_half_the_rate_and_no_decay() -> None:
    whole = TrainingOptions(SHAPE, steps=100, warm_up=0)
    staged = TrainingOptions(SHAPE, steps=100, warm_up=0, schedule="two-stage")
    assert learning_rate(staged, 49) == learning_rate(whole, 49)
    assert learning_rate(staged, 50) == learning_rate(whole, 50) / 2
    assert weight_decay(staged, 49) == staged.weight_decay and weight_decay(staged, 50) == 0
