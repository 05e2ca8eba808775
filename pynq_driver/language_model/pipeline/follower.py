# SPDX-License-Identifier: Apache-2.0
"""What every board of a pipeline but the first one does until the run is over."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pynq_driver.language_model.pipeline.messages import (
    Answer,
    AskScores,
    AskToken,
    Channel,
    CountSaturations,
    Failure,
    Forget,
    Ping,
    Stop,
    UseSampler,
    Work,
)
from pynq_driver.language_model.pipeline.ranks import Ranks
from pynq_driver.language_model.pipeline.stage import Stage

#: Seconds between two looks for a message: from, growing to. A look costs a few microseconds.
SHORTEST_PAUSE, LONGEST_PAUSE = 20e-6, 1e-3
#: Seconds that a board which has failed waits for the first one to end the run.
_LAST_WORDS = 30.0


def next_message(ranks: Ranks) -> Any:
    """The next message; sleeps until it comes."""
    pause = SHORTEST_PAUSE
    while (message := ranks.poll()) is None:
        time.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)
    return message


def report_failure(ranks: Ranks, text: str) -> None:
    """Tell the first board, which says it and ends the run on all boards."""
    ranks.send(0, Channel.ANSWER, Failure(ranks.rank, text))
    end = time.monotonic() + _LAST_WORDS
    while time.monotonic() < end:
        if isinstance(ranks.poll(), Stop):
            return
        time.sleep(LONGEST_PAUSE)


class Follower:
    """A board with layers in the middle or at the end of a pipeline."""

    def __init__(self, ranks: Ranks, stage: Stage) -> None:
        self._ranks, self._stage = ranks, stage
        self._is_last = ranks.rank == len(ranks.names) - 1
        self._done = 0
        self._choosers: dict[int, Callable[[], int]] = {}
        self._waiting: list[AskToken | AskScores] = []

    def serve(self) -> None:
        """Work until the first board says that the run is over, or ends it after a failure."""
        try:
            while not isinstance(message := next_message(self._ranks), Stop):
                self._handle(message)
            self._pass_on(message)
            self._ranks.settle(_LAST_WORDS)
        except Exception as error:
            report_failure(self._ranks, f"{type(error).__name__}: {error}")
            raise

    def _handle(self, message: Any) -> None:
        if isinstance(message, Work):
            self._work(message)
        elif isinstance(message, (AskToken, AskScores)):
            self._waiting.append(message)
        elif isinstance(message, UseSampler):
            self._choosers[message.stream] = self._stage.chooser(message.stream, message.sampler)
        elif isinstance(message, Forget):
            self._choosers.pop(message.stream, None)
            self._stage.forget(message.stream)
            self._pass_on(message)
        elif isinstance(message, CountSaturations):
            self._count(message)
        elif isinstance(message, Ping):
            self._answer(Answer(message.number, self._ranks.rank))
        else:
            raise TypeError(f"no message of a pipeline: {message!r}")
        self._answer_waiting()

    def _work(self, work: Work) -> None:
        if self._is_last:
            self._stage.finish(work.streams, work.inputs)
        else:
            residuals = self._stage.run(work.streams, work.inputs)
            self._pass_on(Work(work.number, work.streams, tuple(residuals)))
        self._done = work.number

    def _count(self, message: CountSaturations) -> None:
        own = self._stage.saturations(message.stream)
        counts = dict(Counter(message.counts) + Counter(own))
        if self._is_last:
            self._answer(Answer(message.number, counts))
        else:
            self._pass_on(CountSaturations(message.number, message.stream, counts))

    def _answer_waiting(self) -> None:
        """Questions come straight and may be earlier here than the work that they ask about."""
        ready = [item for item in self._waiting if item.after <= self._done]
        self._waiting = [item for item in self._waiting if item.after > self._done]
        for item in ready:
            if isinstance(item, AskToken):
                value: Any = self._choosers[item.stream]()
            else:
                value = self._stage.scores(item.stream)
            self._answer(Answer(item.number, value))

    def _pass_on(self, message: Work | Forget | CountSaturations | Stop) -> None:
        if not self._is_last:
            self._ranks.send(self._ranks.rank + 1, Channel.CHAIN, message)

    def _answer(self, message: Answer) -> None:
        self._ranks.send(0, Channel.ANSWER, message)


def boards(ranks: Ranks, numbers: Iterable[int]) -> str:
    """Boards by number and name, for messages."""
    return ", ".join(f"{ranks.names[number]} (rank {number})" for number in numbers)
