# SPDX-License-Identifier: Apache-2.0
"""Backend `cpu`: the C++ engine."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pynq_driver.backends.base import Scores, token_nats
from pynq_driver.sampler import Sampler
from tritforge.config import check_integer
from tritforge.errors import ImageError, TritforgeError
from tritforge.golden.sigmoid import sigmoid_table
from tritforge.image import Image

MAXIMUM_THREADS = 64


def available_threads() -> int:
    """Processors this process may use."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        count = os.cpu_count() or 1
    return min(count, MAXIMUM_THREADS)


class CpuBackend:
    """One stream on the C++ engine."""

    batch = 1

    def __init__(self, image: Image, threads: int | None = None) -> None:
        """
        Raises:
            ConfigurationError: threads out of range.
            TritforgeError: the engine is not installed.
        """
        try:
            from pynq_driver import _engine
        except ImportError as error:
            raise TritforgeError(
                f"the C++ engine is not installed ({error}): install a wheel built with a C++ "
                "compiler, or use --backend golden"
            ) from None
        widths, shape = image.header.widths, image.header.shape
        self.threads = available_threads() if threads is None else threads
        check_integer("threads", self.threads, 1, MAXIMUM_THREADS)
        try:
            self._engine = _engine.Engine(
                weights=image.weight_stream,
                parameters=image.parameter_stream,
                embedding=image.embedding,
                shape=dataclasses.asdict(shape),
                rows_per_beat=image.header.rows_per_beat,
                widths=dataclasses.asdict(widths),
                sigmoid_table=sigmoid_table(widths.sigmoid_fraction),
                threads=self.threads,
            )
        except ValueError as error:
            raise ImageError(f"{image.path}: {error}") from None
        self._new_sampler = _engine.Sampler
        self._context = self._engine.context()
        self._logit_scale = 2.0**-widths.logit_fraction

    def reset(self) -> None:
        """See Backend."""
        self._context.reset()

    def advance(self, tokens: Sequence[int]) -> None:
        """See Backend."""
        self._context.prefill(tokens)

    def chooser(self, sampler: Sampler) -> Callable[[], int]:
        """See Backend. The C++ sampler chooses the tokens of the Python one."""
        chosen = self._new_sampler(
            temperature=sampler.sampling.temperature,
            top_k=sampler.sampling.top_k,
            top_p=sampler.sampling.top_p,
            seed=sampler.seed,
            banned_token=sampler.banned_token,
        )
        return lambda: chosen.choose(self._context)

    def scores(self) -> Scores:
        """See Backend."""
        logits = self._context.logits().astype(np.float64) * self._logit_scale
        return Scores(logits, self._context.accumulators())

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Backend."""
        results = []
        for document in documents:
            self._context.reset()
            nats = []
            for token, following in itertools.pairwise(document):
                self.advance([token])
                nats.append(token_nats(self.scores().logits, following))
            results.append(nats)
        return results

    def saturations(self) -> Mapping[str, int]:
        """See Backend."""
        return dict(self._context.saturations())
