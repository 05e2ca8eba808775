# SPDX-License-Identifier: Apache-2.0
"""The interface of a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores


class Lanes(Protocol):
    """Independent streams of tokens that share a device; what a server schedules.

    Each lane gives the tokens it would give alone, whichever lanes advance with it.
    """

    #: number of lanes
    count: int

    def reset(self, lane: int) -> None:
        """Forget the context of one lane."""

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """Advance different lanes by tokens of their own (at least one each)."""

    def scores(self, lane: int) -> Scores:
        """Scores after the last token of `lane`."""

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """A function that chooses the token to follow the last one of `lane`."""

    def saturations(self, lane: int) -> Mapping[str, int]:
        """Signals that saturated since the context of `lane` was empty, and how often."""


class Context(Protocol):
    """One stream of tokens. The recurrent state is all that it keeps of them."""

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """Advance by `tokens` (at least one); returns the scores after the last one."""

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """A function that advances by tokens (at least one) and chooses what follows them.

        It chooses what `sampler` would for the scores of `prefill`, and does it where the scores
        are.
        """

    def saturations(self) -> Mapping[str, int]:
        """Signals that saturated since the context was empty, and how often (`float`: none).

        A backend adds those of everything that it scored.
        """


class Backend(Context, Protocol):
    """One or more streams of tokens on one device, and one of its own that can be reset."""

    #: independent streams that `score` advances together
    batch: int

    def reset(self) -> None:
        """Forget the context."""

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """Nats of every token but the first of each document, each from the empty context.

        Args:
            documents: at most `batch` token sequences. The context is lost.
        """

    def lanes(self, count: int) -> Lanes:
        """`count` streams with empty contexts; the backend's own context may be lost.

        Raises:
            ConfigurationError: the device does not keep so many states.
        """


@runtime_checkable
class ManyContexts(Protocol):
    """A backend with as many streams as one likes, from any thread."""

    def context(self) -> Context:
        """A stream of its own, with an empty context."""

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """As of Backend; no context is lost."""


def context_chooser(context: Context, sampler: Sampler) -> Callable[[Sequence[int]], int]:
    """The chooser of a context, for any sampler: devices know one banned token at most."""
    if sampler.more_banned_tokens:
        return choose_from_scores(context.prefill, sampler)
    return context.chooser(sampler)


def lane_chooser(lanes: Lanes, lane: int, sampler: Sampler) -> Callable[[], int]:
    """The chooser of a lane, for any sampler."""
    if sampler.more_banned_tokens:
        return lambda: sampler.choose(lanes.scores(lane))
    return lanes.chooser(lane, sampler)


def choose_from_scores(
    prefill: Callable[[Sequence[int]], Scores], sampler: Sampler
) -> Callable[[Sequence[int]], int]:
    """The `chooser` of a backend whose scores reach Python anyway."""
    return lambda tokens: sampler.choose(prefill(tokens))
