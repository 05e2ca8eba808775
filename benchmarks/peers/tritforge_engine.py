# SPDX-License-Identifier: Apache-2.0
"""This project's CPU backend."""

from __future__ import annotations

import time

from pynq_driver import Sampling, _engine
from pynq_driver.language_model.backends.cpu import CpuBackend
from pynq_driver.language_model.model import load_language_model
from pynq_driver.language_model.sampler import Sampler

PROMPT_TOKENS = 4


class TritforgeEngine:
    """A model image on the C++ engine."""

    def __init__(self, model: str, threads: int) -> None:
        self._model = load_language_model(model, threads=threads)
        self._threads = threads
        self._vocabulary = self._model.image.header.shape.vocabulary

    def decode(self, tokens: int) -> float:
        """See Engine."""
        backend = self._model.backend
        backend.reset()
        choose = backend.chooser(Sampler(Sampling(temperature=0), seed=0))
        token = choose(self._prompt(PROMPT_TOKENS))
        started = time.perf_counter()
        for _ in range(tokens):
            token = choose([token])
        return time.perf_counter() - started

    def prefill(self, tokens: int) -> float:
        """See Engine."""
        self._model.backend.reset()
        prompt = self._prompt(tokens)
        started = time.perf_counter()
        self._model.backend.prefill(prompt)
        return time.perf_counter() - started

    def products(self, passes: int) -> tuple[int, list[float], list[float]]:
        """All products of a token on cold weights, against reading the same bytes.

        Returns:
            Bytes of the weights; seconds of each pass that reads them; of each that multiplies.
        """
        backend = self._model.backend
        assert isinstance(backend, CpuBackend)
        engine = backend.engine
        probe = _engine._BandwidthProbe(engine.weight_bytes, self._threads)
        reads = [probe.read_seconds() for _ in range(passes)]
        return engine.weight_bytes, reads, [engine._time_products() for _ in range(passes)]

    def _prompt(self, tokens: int) -> list[int]:
        return [(7919 * position + 3) % self._vocabulary for position in range(tokens)]


def open_engine(model: str, threads: int) -> TritforgeEngine:
    """See worker."""
    return TritforgeEngine(model, threads)
