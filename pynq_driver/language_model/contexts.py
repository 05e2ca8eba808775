# SPDX-License-Identifier: Apache-2.0
"""Contexts for generations that run side by side, also on a backend that keeps one state only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from pynq_driver.language_model.backends.base import Backend, Context, ManyContexts
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores


class Contexts(Protocol):
    """Where generations and evaluations get contexts of their own."""

    def context(self) -> Context:
        """A stream of its own, with an empty context."""

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """As of Backend, without harm to any context."""


def contexts_of(backend: Backend) -> Contexts:
    """Contexts on a backend: its own ones if it has many, else turns on the one that it has."""
    return backend if isinstance(backend, ManyContexts) else TurnsOnOneState(backend)


class TurnsOnOneState:
    """Many contexts on a backend with one state, one call at a time.

    A context that finds the state taken reads its tokens again first: slow, but the right answer.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.RLock()
        self._owner: _ReplayedContext | None = None

    def context(self) -> Context:
        """See Contexts."""
        return _ReplayedContext(self)

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Contexts."""
        with self._lock:
            self._owner = None
            return self._backend.score(documents)

    @contextmanager
    def turn(self, context: _ReplayedContext, tokens: Sequence[int]) -> Iterator[Backend]:
        """The backend with the state of `context`, for a block that advances it by `tokens`."""
        with self._lock:
            if self._owner is not context:
                self._owner = None
                self._backend.reset()
                if context.tokens:
                    self._backend.prefill(context.tokens)
            # Whatever ends the block early, an interrupt included, leaves an unknown state behind.
            self._owner = None
            yield self._backend
            context.tokens += tokens
            self._owner = context

    def saturations(self, context: _ReplayedContext) -> Mapping[str, int]:
        """Signals that saturated since the last reset, if the runs were those of `context`."""
        with self._lock:
            return self._backend.saturations() if self._owner is context else {}


class _ReplayedContext:
    """A stream that knows its tokens.

    Attributes:
        tokens: all that were read so far.
    """

    def __init__(self, source: TurnsOnOneState) -> None:
        self.tokens: list[int] = []
        self._source = source

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Context."""
        with self._source.turn(self, tokens) as backend:
            return backend.prefill(tokens)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Context."""

        def choose(tokens: Sequence[int]) -> int:
            with self._source.turn(self, tokens) as backend:
                return backend.chooser(sampler)(tokens)

        return choose

    def saturations(self) -> Mapping[str, int]:
        """See Context; empty while another context has the backend's state."""
        return self._source.saturations(self)
