# SPDX-License-Identifier: Apache-2.0
"""Lanes that need no model: scores follow from the tokens a lane has seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from pynq_driver import Scores
from pynq_driver.language_model.sampler import Sampler
from tritforge.language_model.convert.random_checkpoint import END_TOKEN

VOCABULARY = 300


class FakeLanes:
    """Records how many tokens each lane got in each round.

    `gate` holds rounds back until a test lets them go; the first `free_rounds` pass anyway.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.rounds: list[dict[int, int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.free_rounds = 1
        self.fail_on_token: int | None = None
        self.failure: Exception = RuntimeError("made to fail")
        self.end_at: int | None = None  # tokens in a lane after which the end token is likeliest
        self._history: list[list[int]] = [[] for _ in range(count)]

    def reset(self, lane: int) -> None:
        self._history[lane] = []

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        assert len(set(lanes)) == len(lanes) == len(tokens) > 0
        if len(self.rounds) >= self.free_rounds:
            assert self.gate.wait(30)
        self.rounds.append({lane: len(items) for lane, items in zip(lanes, tokens)})
        for lane, items in zip(lanes, tokens):
            assert items
            if self.fail_on_token in items:
                raise self.failure
            self._history[lane] += items

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        return lambda: sampler.choose(self.scores(lane))

    def saturations(self, lane: int) -> dict[str, int]:
        return {}

    def scores(self, lane: int) -> Scores:
        logits = np.random.default_rng(self._history[lane]).normal(size=VOCABULARY) * 3
        logits[:3] = -100.0  # special tokens
        if len(self._history[lane]) == self.end_at:
            logits[END_TOKEN] = 100.0
        return Scores(logits, logits)
