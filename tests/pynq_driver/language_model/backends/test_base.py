# SPDX-License-Identifier: Apache-2.0
"""Choosing from scores that reach Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pynq_driver import Sampling
from pynq_driver.language_model.backends.base import choose_from_scores
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores


def test_chooser_advances_and_asks_the_sampler() -> None:
    seen: list[list[int]] = []

    def prefill(tokens: Sequence[int]) -> Scores:
        seen.append(list(tokens))
        values = np.zeros(4)
        values[tokens[-1]] = 1.0
        return Scores(values, values)

    choose = choose_from_scores(prefill, Sampler(Sampling(temperature=0), 0))
    assert [choose([1, 3]), choose([2])] == [3, 2]
    assert seen == [[1, 3], [2]]
