# SPDX-License-Identifier: Apache-2.0
"""This project's CPU backend."""

from __future__ import annotations

import time

from pynq_driver import Sampling, _engine, load
from pynq_driver.sampler import Sampler
from tritforge.parameters import operation_shapes

PROMPT_TOKENS = 4


class TritforgeEngine:
    """A model image on the C++ engine."""

    def __init__(self, model: str, threads: int) -> None:
        self._model = load(model, threads=threads)
        self._threads = threads
        self._vocabulary = self._model.image.header.shape.vocabulary

    def decode(self, tokens: int) -> float:
        """See Engine."""
        backend = self._model.backend
        backend.reset()
        choose = backend.chooser(Sampler(Sampling(temperature=0), seed=0))
        backend.advance(self._prompt(PROMPT_TOKENS))
        token = choose()
        started = time.perf_counter()
        for _ in range(tokens):
            backend.advance([token])
            token = choose()
        return time.perf_counter() - started

    def prefill(self, tokens: int) -> float:
        """See Engine."""
        self._model.backend.reset()
        prompt = self._prompt(tokens)
        started = time.perf_counter()
        self._model.backend.advance(prompt)
        return time.perf_counter() - started

    def products(self, passes: int) -> tuple[int, list[float], list[float]]:
        """All products of a token on cold weights, against reading the same bytes.

        Returns:
            Bytes of the weights; seconds of each pass that reads them; of each that multiplies.
        """
        header = self._model.image.header
        layouts = [
            (item.rows, item.inputs, item.matrices, header.rows_per_beat)
            for item in operation_shapes(header.shape)
            if item.matrices
        ]
        return _engine._kernel_speed("auto", layouts, self._threads, passes)

    def _prompt(self, tokens: int) -> list[int]:
        return [(7919 * position + 3) % self._vocabulary for position in range(tokens)]


def open_engine(model: str, threads: int) -> TritforgeEngine:
    """See worker."""
    return TritforgeEngine(model, threads)
