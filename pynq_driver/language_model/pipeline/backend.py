# SPDX-License-Identifier: Apache-2.0
"""Backend `mpi`: the first board of a pipeline, which has the streams and asks the others.

Several streams are in flight at once: while one board computes a token of a stream, the boards
before it compute tokens of others. Contexts may be used from threads, one each; lanes that advance
together go through the pipeline in as many groups as there are boards.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.pipeline.errors import BoardSilentError, PipelineError
from pynq_driver.language_model.pipeline.follower import LONGEST_PAUSE, SHORTEST_PAUSE, boards
from pynq_driver.language_model.pipeline.messages import (
    Answer,
    AskScores,
    AskToken,
    Channel,
    CountSaturations,
    Failure,
    Forget,
    Ping,
    Ready,
    Stop,
    UseSampler,
    Work,
)
from pynq_driver.language_model.pipeline.ranks import Ranks
from pynq_driver.language_model.pipeline.stage import Stage
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores, token_nats

#: Chooses the seconds that a token, or a chunk of a prompt, may take.
TIMEOUT_VARIABLE = "TRITFORGE_MPI_TIMEOUT"
DEFAULT_TIMEOUT = 30.0
#: Seconds in which a board that is alive answers, unless it computes.
_PING_SECONDS = 2.0

_Item = TypeVar("_Item")


class Pipeline:
    """The other boards, as the first one sees them."""

    def __init__(self, ranks: Ranks, stage: Stage, timeout_seconds: float) -> None:
        self._ranks, self._stage = ranks, stage
        self._timeout = timeout_seconds
        self._last = len(ranks.names) - 1
        self._numbers = itertools.count(1)
        self._answers: dict[int, Any] = {}
        self._ready: dict[int, str] = {}
        self._error: PipelineError | None = None
        self._is_closed = False
        # Streams that are over: a finaliser may run at any moment, also while a lock is held.
        self._forgotten: deque[int] = deque()
        # Work must enter the chain in the order of its numbers.
        self._lock = threading.Lock()

    def wait_until_ready(self, image: str) -> None:
        """Wait until every board has its part of the same image.

        Raises:
            BoardSilentError: one does not come.
            PipelineError: one has another image, or cannot open it.
        """
        others = range(1, self._last + 1)
        self._wait(lambda: len(self._ready) == len(others), self._timeout)
        silent = [rank for rank in others if rank not in self._ready]
        if silent:
            raise self._failed(BoardSilentError(self._silence(silent)))
        strange = [rank for rank in others if self._ready[rank] != image]
        if strange:
            raise self._failed(
                PipelineError(
                    f"{boards(self._ranks, strange)} has another image than "
                    f"{boards(self._ranks, [0])}: copy the same file to all boards"
                )
            )

    def advance(self, streams: Sequence[int], inputs: Sequence[NDArray[np.int32]]) -> int:
        """Advance streams by tokens; the number of the work that the boards have now.

        Raises:
            PipelineError: the pipeline has failed.
        """
        self._check()
        self._forget_streams()
        residuals = self._stage.run(streams, inputs)
        with self._lock:
            number = next(self._numbers)
            self._send(1, Channel.CHAIN, Work(number, tuple(streams), tuple(residuals)))
        return number

    def use_sampler(self, stream: int, sampler: Sampler) -> None:
        """Choose the tokens of a stream by a sampler from now on."""
        self._send(self._last, Channel.QUESTION, UseSampler(stream, sampler))

    def token(self, stream: int, after: int) -> int:
        """The token that follows, once a work is done.

        Raises:
            PipelineError: see `scores`.
        """
        number = next(self._numbers)
        self._send(self._last, Channel.QUESTION, AskToken(number, after, stream))
        return int(self._answer(number))

    def scores(self, stream: int, after: int) -> Scores:
        """The scores once a work is done.

        Raises:
            BoardSilentError: a board does not answer; names it.
            PipelineError: a board has failed, or takes too long.
        """
        number = next(self._numbers)
        self._send(self._last, Channel.QUESTION, AskScores(number, after, stream))
        scores: Scores = self._answer(number)
        return scores

    def saturations(self, stream: int) -> dict[str, int]:
        """Signals of all boards that saturated in a stream, and how often."""
        with self._lock:
            number = next(self._numbers)
            counts = self._stage.saturations(stream)
            self._send(1, Channel.CHAIN, CountSaturations(number, stream, counts))
        return dict(self._answer(number))

    def forget(self, stream: int) -> None:
        """Give the context of a stream back on all boards, with the next work."""
        self._forgotten.append(stream)

    def close(self) -> None:
        """End the run on all boards: in peace, or at once if one has failed."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._error is not None:
            self._ranks.abort()
        else:
            self._ranks.send(1, Channel.CHAIN, Stop())
            self._ranks.settle(_PING_SECONDS)

    def _forget_streams(self) -> None:
        while self._forgotten:
            stream = self._forgotten.popleft()
            self._stage.forget(stream)
            self._send(1, Channel.CHAIN, Forget(stream))

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _send(self, rank: int, channel: Channel, message: Any) -> None:
        self._check()
        self._ranks.send(rank, channel, message)

    def _answer(self, number: int) -> Any:
        """The answer of that number; several threads may wait for theirs."""
        if not self._wait(lambda: number in self._answers, self._timeout):
            raise self._failed(self._diagnosis())
        return self._answers.pop(number)

    def _wait(self, has_come: Callable[[], bool], seconds: float) -> bool:
        end, pause = time.monotonic() + seconds, SHORTEST_PAUSE
        while True:
            with self._lock:
                while (message := self._ranks.poll()) is not None:
                    self._take(message)
            if has_come():
                return True
            self._check()
            if time.monotonic() > end:
                return False
            time.sleep(pause)
            pause = min(1.5 * pause, LONGEST_PAUSE)

    def _take(self, message: Any) -> None:
        if isinstance(message, Answer):
            self._answers[message.number] = message.value
        elif isinstance(message, Ready):
            self._ready[message.rank] = message.image
        elif isinstance(message, Failure):
            where = boards(self._ranks, [message.rank])
            self._error = PipelineError(f"board {where} has failed: {message.text}")

    def _diagnosis(self) -> PipelineError:
        """Who does not answer."""
        pings = {rank: next(self._numbers) for rank in range(1, self._last + 1)}
        for rank, number in pings.items():
            self._ranks.send(rank, Channel.QUESTION, Ping(number))
        self._wait(lambda: self._answers.keys() >= set(pings.values()), _PING_SECONDS)
        silent = [rank for rank, number in pings.items() if number not in self._answers]
        if silent:
            return BoardSilentError(self._silence(silent))
        return PipelineError(
            f"all boards answer, and a token was not done within {self._timeout:g} s: set "
            f"{TIMEOUT_VARIABLE} to more seconds"
        )

    def _silence(self, silent: Sequence[int]) -> str:
        return (
            f"board {boards(self._ranks, silent)} does not answer within {self._timeout:g} s: it "
            f"has died, hangs, or cannot be reached. The run is over on all boards; if it only "
            f"needs longer, set {TIMEOUT_VARIABLE}"
        )

    def _failed(self, error: PipelineError) -> PipelineError:
        self._error = error
        return error


class PipelineBackend:
    """Streams on a pipeline; any number of contexts, from any threads.

    Attributes:
        pipeline: the boards.
    """

    batch = 1

    def __init__(self, pipeline: Pipeline, board_count: int) -> None:
        self.pipeline = pipeline
        self._board_count = board_count
        self._streams = itertools.count()
        self._own = self.context()
        self._of_scored: Counter[str] = Counter()

    def context(self) -> PipelineContext:
        """See ManyContexts."""
        return PipelineContext(self.pipeline, next(self._streams))

    def reset(self) -> None:
        """See Backend."""
        self._own = self.context()

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Backend."""
        return self._own.prefill(tokens)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Backend; belongs to the context that is the backend's own now."""
        return self._own.chooser(sampler)

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Backend."""
        nats = []
        for document in documents:
            context = self.context()
            nats.append(
                [
                    token_nats(context.prefill([token]).logits, following)
                    for token, following in itertools.pairwise(document)
                ]
            )
            self._of_scored.update(context.saturations())
        return nats

    def saturations(self) -> Mapping[str, int]:
        """See Backend."""
        return Counter(self._own.saturations()) + self._of_scored

    def lanes(self, count: int) -> PipelineLanes:
        """See Backend; they are independent of the backend's own stream."""
        return PipelineLanes(
            self.pipeline, [self.context() for _ in range(count)], self._board_count, self.context
        )


class PipelineContext:
    """A stream on the boards of a pipeline.

    Attributes:
        stream: its number.
        after: the last work that it is in.
    """

    def __init__(self, pipeline: Pipeline, stream: int) -> None:
        self.stream = stream
        self.after = 0
        self._pipeline = pipeline
        weakref.finalize(self, pipeline.forget, stream).atexit = False

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Context."""
        self._advance(tokens)
        return self.scores()

    def scores(self) -> Scores:
        """Scores after the last token."""
        return self._pipeline.scores(self.stream, self.after)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Context."""
        choose = self.lane_chooser(sampler)

        def advance_and_choose(tokens: Sequence[int]) -> int:
            self._advance(tokens)
            return choose()

        return advance_and_choose

    def lane_chooser(self, sampler: Sampler) -> Callable[[], int]:
        """A function that chooses the token to follow the last one."""
        self._pipeline.use_sampler(self.stream, sampler)
        return lambda: self._pipeline.token(self.stream, self.after)

    def saturations(self) -> Mapping[str, int]:
        """See Context."""
        return self._pipeline.saturations(self.stream)

    def _advance(self, tokens: Sequence[int]) -> None:
        self.after = self._pipeline.advance([self.stream], [np.asarray(tokens, np.int32)])


class PipelineLanes:
    """Streams that a server advances together, in groups that follow each other on the boards."""

    def __init__(
        self,
        pipeline: Pipeline,
        contexts: list[PipelineContext],
        groups: int,
        new_context: Callable[[], PipelineContext],
    ) -> None:
        self.count = len(contexts)
        self._pipeline = pipeline
        self._contexts = contexts
        self._groups = groups
        self._new_context = new_context

    def reset(self, lane: int) -> None:
        """See Lanes."""
        self._contexts[lane] = self._new_context()

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """See Lanes; returns when the last group has left the first board."""
        for group in _groups(list(zip(lanes, tokens)), self._groups):
            contexts = [self._contexts[lane] for lane, _ in group]
            number = self._pipeline.advance(
                [item.stream for item in contexts],
                [np.asarray(values, np.int32) for _, values in group],
            )
            for item in contexts:
                item.after = number

    def scores(self, lane: int) -> Scores:
        """See Lanes."""
        return self._contexts[lane].scores()

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """See Lanes."""
        return self._contexts[lane].lane_chooser(sampler)

    def saturations(self, lane: int) -> Mapping[str, int]:
        """See Lanes."""
        return self._contexts[lane].saturations()


def _groups(items: list[_Item], count: int) -> list[list[_Item]]:
    """At most `count` runs of items of about the same length."""
    size = -(-len(items) // count)
    return [items[start : start + size] for start in range(0, len(items), size)]
