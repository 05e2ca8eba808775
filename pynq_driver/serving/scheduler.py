# SPDX-License-Identifier: Apache-2.0
"""Continuous batching: one thread advances all running streams together.

A stream waits in a bounded queue, gets a lane, reads its prompt in chunks and then takes part in
every round until it ends. A round advances each decoding stream by one token and reads a chunk of
the other prompts on the way, so a long prompt delays the others by one or two passes at most. The
prompts share what a round reads in equal parts, so a short one does not wait for the end of a long
one. A stream gives the tokens it would give alone: lanes are independent, samplers too.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tokenizers import Tokenizer

from pynq_driver.language_model.backends.base import Lanes, lane_chooser
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import TokenScore, token_score
from pynq_driver.language_model.text_stream import StopSequences, TextStream
from tritforge.errors import TritforgeError
from tritforge.language_model.image_header import Sampling

#: Tokens the engine takes through its weights at once: rounds are filled up to a multiple.
PASS_TOKENS = 16
#: Prompt tokens a round reads at least, if there are any, and what it reads when nobody decodes.
LEAST_PROMPT_TOKENS = 8
ALONE_PROMPT_TOKENS = 64
#: Weight of the newest stream in the running mean of lane times, for Retry-After.
_NEWEST = 0.2
_LONGEST_RETRY_SECONDS = 60
#: Rounds in a row that a device may fail before no streams are accepted any more.
MOST_FAILED_ROUNDS = 3

_log = logging.getLogger(__name__)


class End(Enum):
    """Why a stream ended; the values are labels of the metrics."""

    STOP = "stop"  # the end token or a stop sequence
    LENGTH = "length"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SHUT_DOWN = "shut_down"
    FAILED = "failed"


@dataclass(frozen=True)
class Prompt:
    """What to generate.

    Attributes:
        tokens: ids to start from, at least one.
        sampling: temperature, top-k, top-p and the limit of tokens (0: none).
        seed: of the sampler; None draws one.
        stop: strings that end the text; they are not part of it.
        banned_tokens: ids that are never chosen.
        top_tokens: score each token, and name so many of the likeliest beside it; None: neither.
        is_scored: score the tokens of the prompt as well, which then is read one by one.
        is_complete: nothing is generated.
    """

    tokens: Sequence[int]
    sampling: Sampling
    seed: int | None = None
    stop: tuple[str, ...] = ()
    banned_tokens: tuple[int, ...] = ()
    top_tokens: int | None = None
    is_scored: bool = False
    is_complete: bool = False


@dataclass
class Update:
    """New text and tokens of a stream; `end` comes once, with the last one.

    Attributes:
        scores: of the tokens, if they are wanted; those of the prompt come first.
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    end: End | None = None
    scores: list[TokenScore] = field(default_factory=list)

    def add(self, later: Update) -> None:
        """Append what came later."""
        self.text += later.text
        self.tokens += later.tokens
        self.scores += later.scores
        self.end = later.end


class Busy(TritforgeError):
    """The queue is full.

    Attributes:
        retry_seconds: when to try again, from the recent lane times.
    """

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"the queue is full: try again in {retry_seconds} s")
        self.retry_seconds = retry_seconds


class Closed(TritforgeError):
    """No streams are accepted any more."""


class Observer(Protocol):
    """Hears what the scheduler does; called in its thread, must not block."""

    def first_token(self, seconds: float) -> None:
        """A stream got its first token so long after it was submitted."""

    def round(self, streams: int, seconds: float) -> None:
        """So many streams advanced together, by a token or a chunk of their prompt."""

    def token(self) -> None:
        """A token was generated."""

    def ended(self, stream: Stream, end: End) -> None:
        """A stream is over."""


class Stream:
    """One sequence, waiting or running. Only the scheduler changes it."""

    def __init__(self, prompt: Prompt, tokenizer: Tokenizer, deadline: float) -> None:
        self.prompt = prompt
        self.deadline = deadline
        self.submitted = time.monotonic()
        self.admitted = 0.0
        self.generated = 0
        self.read = 0  # tokens of the prompt read so far
        self.last_read = 0  # round in which it read some
        self.lane: int | None = None
        self.cancelled = False
        self.sampler = Sampler(
            prompt.sampling,
            prompt.seed,
            next(iter(prompt.banned_tokens), None),
            prompt.banned_tokens[1:],
        )
        self.text = TextStream(tokenizer, prompt.tokens)
        self.stop = StopSequences(prompt.stop)
        self.choose: Callable[[], int] = _no_choice
        self.last_token = 0
        self.scores: list[TokenScore] = []  # of the prompt; the first token has none
        if prompt.is_scored:
            self.scores.append(TokenScore(prompt.tokens[0], None))

    @property
    def wanted(self) -> int:
        """Tokens of the prompt that it can read in the next round."""
        left = len(self.prompt.tokens) - self.read
        return min(left, 1) if self.prompt.is_scored else left


def _no_choice() -> int:
    raise RuntimeError("the stream has no lane yet")


def prompt_budget(decoding: int) -> int:
    """Prompt tokens a round may read beside so many decoding streams; they fill whole passes."""
    if not decoding:
        return ALONE_PROMPT_TOKENS
    return LEAST_PROMPT_TOKENS + -(decoding + LEAST_PROMPT_TOKENS) % PASS_TOKENS


def shares(budget: int, wanted: Sequence[int]) -> list[int]:
    """Equal parts of a budget; what one does not want goes to those after it."""
    parts = []
    for index, count in enumerate(wanted):
        part = min(count, -(-budget // (len(wanted) - index)))
        parts.append(part)
        budget -= part
    return parts


class Scheduler:
    """Owns the lanes of a backend; submit and cancel may be called from any thread.

    Attributes:
        lanes, queue_limit: sizes.
        failure: what stopped the thread, if anything did.
    """

    def __init__(
        self,
        lanes: Lanes,
        tokenizer: Tokenizer,
        end_tokens: Collection[int],
        *,
        queue_limit: int,
        timeout: float,
        deliver: Callable[[Sequence[tuple[Stream, Update]]], None],
        observer: Observer,
    ) -> None:
        """
        Args:
            timeout: seconds from submission to the end of a stream.
            deliver: gets what one round brought, in the scheduler's thread; must not block.
        """
        self.lanes = lanes.count
        self.queue_limit = queue_limit
        self.failure: BaseException | None = None
        self._backend = lanes
        self._tokenizer = tokenizer
        self._end_tokens = frozenset(end_tokens)
        self._timeout = timeout
        self._deliver = deliver
        self._observer = observer
        self._changed = threading.Condition()
        self._waiting: deque[Stream] = deque()
        self._running: list[Stream] = []  # in order of admission
        self._free = list(range(lanes.count))
        self._closing: float | None = None  # when to cut what still runs
        self._lane_seconds = 1.0
        self._told_saturation = False
        self._round = 0
        self._failed_rounds = 0
        self._updates: list[tuple[Stream, Update]] = []
        self._thread = threading.Thread(target=self._run, name="tritforge-scheduler", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def busy_lanes(self) -> int:
        """Lanes with a running stream."""
        return len(self._running)

    @property
    def queue_length(self) -> int:
        """Streams that wait for a lane."""
        return len(self._waiting)

    @property
    def healthy(self) -> bool:
        """Whether new streams are accepted, room in the queue given."""
        return self._closing is None and self.failure is None and self._thread.is_alive()

    def submit(self, prompts: Sequence[Prompt]) -> list[Stream]:
        """Queue all of `prompts`, or none of them.

        Raises:
            Busy: they do not fit into free lanes and queue.
            Closed: the scheduler is closing or has failed.
        """
        deadline = time.monotonic() + self._timeout
        streams = [Stream(prompt, self._tokenizer, deadline) for prompt in prompts]
        with self._changed:
            if not self.healthy:
                raise Closed("the server is shutting down")
            room = self.queue_limit + len(self._free) - len(self._waiting)
            if len(streams) > room:
                raise Busy(self._retry_seconds())
            self._waiting.extend(streams)
            self._changed.notify()
        return streams

    def cancel(self, streams: Iterable[Stream]) -> None:
        """End streams that nobody wants any more; their lanes are free in the next round."""
        with self._changed:
            for stream in streams:
                stream.cancelled = True
            self._changed.notify()

    def close(self, grace: float) -> None:
        """Refuse new and waiting streams, cut running ones after `grace` seconds; does not wait."""
        with self._changed:
            self._closing = time.monotonic() + grace
            self._changed.notify()

    def join(self, timeout: float) -> bool:
        """Wait for the thread after `close`; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _retry_seconds(self) -> int:
        rounds = (len(self._waiting) + 1) / self.lanes
        return min(max(math.ceil(self._lane_seconds * rounds), 1), _LONGEST_RETRY_SECONDS)

    def _run(self) -> None:
        try:
            while self._wait():
                self._drop()
                self._admit()
                if self._running:
                    self._advance()
                self._flush()
        except BaseException as error:  # whatever it is, the clients must hear of it
            _log.exception("the scheduler failed")
            with self._changed:
                self.failure = error
                for stream in (*self._running, *self._waiting):
                    self._end(stream, Update(end=End.FAILED))
                self._waiting.clear()
            self._flush()

    def _wait(self) -> bool:
        """Sleep until there is work; whether there can be any again."""
        with self._changed:
            while not self._running and not self._waiting:
                if self._closing is not None:
                    return False
                self._changed.wait()
        return True

    def _drop(self) -> None:
        """End streams that are cancelled, too late, or cut by the shutdown."""
        now = time.monotonic()
        with self._changed:
            for stream in (*self._running, *self._waiting):
                waiting = stream.lane is None
                cut = self._closing is not None and (waiting or now >= self._closing)
                if stream.cancelled:
                    self._end(stream, Update(end=End.CANCELLED))
                elif cut:
                    self._end(stream, Update(end=End.SHUT_DOWN))
                elif now >= stream.deadline:
                    self._end(stream, Update(end=End.TIMED_OUT))
                else:
                    continue
                if waiting:
                    self._waiting.remove(stream)

    def _admit(self) -> None:
        with self._changed:
            while self._waiting and self._free:
                stream = self._waiting.popleft()
                stream.lane = self._free.pop()
                stream.admitted = time.monotonic()
                stream.choose = lane_chooser(self._backend, stream.lane, stream.sampler)
                self._running.append(stream)
                self._backend.reset(stream.lane)

    def _advance(self) -> None:
        """One token for every stream whose prompt is read, and a chunk of the other prompts."""
        self._round += 1
        work = [(item, [item.last_token]) for item in self._running if item.generated]
        # Those that got nothing in the last round come first, then those that are soon through.
        reading = sorted(
            (item for item in self._running if not item.generated),
            key=lambda item: (item.last_read, item.wanted),
        )
        parts = shares(prompt_budget(len(work)), [item.wanted for item in reading])
        for stream, part in zip(reading, parts):
            if part:
                chunk = stream.prompt.tokens[stream.read : stream.read + part]
                stream.read, stream.last_read = stream.read + part, self._round
                work.append((stream, list(chunk)))
        started = time.monotonic()
        lanes = [stream.lane for stream, _ in work if stream.lane is not None]
        try:
            self._backend.advance(lanes, [tokens for _, tokens in work])
        except TritforgeError as error:
            self._fail_round(error)
            return
        self._failed_rounds = 0
        self._observer.round(len(work), time.monotonic() - started)
        for stream, _ in work:
            if stream.read < len(stream.prompt.tokens):
                if stream.prompt.is_scored:
                    following = stream.prompt.tokens[stream.read]
                    stream.scores.append(self._score(stream, following))
            else:
                if not stream.generated:
                    self._observer.first_token(time.monotonic() - stream.submitted)
                self._extend(stream)

    def _fail_round(self, error: TritforgeError) -> None:
        """End all running streams: a device that failed has lost their contexts, and may recover.

        Raises:
            TritforgeError: `error`, if too many rounds in a row have failed.
        """
        self._failed_rounds += 1
        if self._failed_rounds == MOST_FAILED_ROUNDS:
            raise error
        _log.exception("a round failed; its streams end")
        with self._changed:
            for stream in tuple(self._running):
                self._end(stream, Update(end=End.FAILED))

    def _extend(self, stream: Stream) -> None:
        """Choose the next token of a stream; a failure here is the failure of this stream alone."""
        try:
            update = self._next(stream)
        except Exception:
            _log.exception("a stream failed")
            update = Update(end=End.FAILED)
        if update.end is None:
            self._updates.append((stream, update))
        else:
            with self._changed:
                self._end(stream, update)

    def _next(self, stream: Stream) -> Update:
        if stream.prompt.is_complete:
            return Update(end=End.LENGTH, scores=stream.scores)
        token = stream.choose()
        scores, stream.scores = stream.scores, []
        if stream.prompt.top_tokens is not None:
            scores.append(self._score(stream, token))
        stream.last_token = token
        stream.generated += 1
        self._observer.token()
        text = stream.stop.push(stream.text.push(token))
        end = None
        if token in self._end_tokens or stream.stop.found:
            end = End.STOP
        elif stream.generated == stream.prompt.sampling.max_tokens:
            end = End.LENGTH
        if end is not None:  # what was held back may itself complete a stop sequence
            text += stream.stop.push(stream.text.flush()) + stream.stop.flush()
            end = End.STOP if stream.stop.found else end
        return Update(text, [token], end, scores)

    def _score(self, stream: Stream, token: int) -> TokenScore:
        """Score of `token` as what follows the last token of a running stream."""
        assert stream.lane is not None
        scores = self._backend.scores(stream.lane)
        return token_score(scores, token, stream.prompt.top_tokens or 0)

    def _end(self, stream: Stream, update: Update) -> None:
        """Free the lane and deliver the last update; called with the lock held."""
        assert update.end is not None
        if stream.lane is not None:
            self._tell_saturation(stream.lane)
            self._free.append(stream.lane)
            self._running.remove(stream)
            stream.lane = None
            seconds = time.monotonic() - stream.admitted
            self._lane_seconds += _NEWEST * (seconds - self._lane_seconds)
        self._updates.append((stream, update))
        self._observer.ended(stream, update.end)

    def _tell_saturation(self, lane: int) -> None:
        """Say once that the model left its number formats."""
        saturated = {} if self._told_saturation else self._backend.saturations(lane)
        if saturated:
            self._told_saturation = True
            _log.warning(
                "values saturated (%s): the answers may differ from those of the float model; "
                "convert the checkpoint with --calibration-text of what it reads",
                ", ".join(saturated),
            )

    def _flush(self) -> None:
        updates, self._updates = self._updates, []
        if updates:
            self._deliver(updates)
