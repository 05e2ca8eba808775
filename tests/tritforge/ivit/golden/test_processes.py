# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.golden.processes import golden_logits


def test_batches_and_processes_change_nothing() -> None:
    random = RandomModel(SMALL_SHAPE, seed=7)
    pixels = random.images(45, seed=3)
    expected = IvitGoldenModel(random.parameters).logits(pixels)
    done: list[int] = []
    result = golden_logits(random.parameters, pixels, processes=2, progress=done.append)
    np.testing.assert_array_equal(result, expected)
    assert sum(done) == 45
