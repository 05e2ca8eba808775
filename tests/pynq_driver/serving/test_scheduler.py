# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from pynq_driver import Sampling
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import TokenScore, token_score
from pynq_driver.serving.scheduler import (
    ALONE_PROMPT_TOKENS,
    LEAST_PROMPT_TOKENS,
    MOST_FAILED_ROUNDS,
    PASS_TOKENS,
    Busy,
    Closed,
    End,
    Prompt,
    Scheduler,
    Stream,
    Update,
    prompt_budget,
    shares,
)
from tests.pynq_driver.serving.fake_lanes import VOCABULARY, FakeLanes
from tests.pynq_driver.serving.running import wait
from tritforge.errors import TritforgeError
from tritforge.language_model.convert.random_checkpoint import END_TOKEN, byte_tokenizer

TOKENIZER = byte_tokenizer(VOCABULARY)
OTHER_END = 0


class Observations:
    def __init__(self) -> None:
        self.ends: list[End] = []
        self.batches: list[int] = []
        self.tokens = 0

    def first_token(self, seconds: float) -> None:
        assert seconds >= 0

    def round(self, streams: int, seconds: float) -> None:
        self.batches.append(streams)

    def token(self) -> None:
        self.tokens += 1

    def ended(self, stream: Stream, end: End) -> None:
        self.ends.append(end)


class Harness:
    """A scheduler on fake lanes, and what it delivered."""

    def __init__(self, lanes: int = 4, queue: int = 8, timeout: float = 30.0) -> None:
        self.lanes = FakeLanes(lanes)
        self.observed = Observations()
        self._results: dict[Stream, Update] = {}
        self._changed = threading.Condition()
        self.scheduler = Scheduler(
            self.lanes,
            TOKENIZER,
            [END_TOKEN, OTHER_END],
            queue_limit=queue,
            timeout=timeout,
            deliver=self._deliver,
            observer=self.observed,
        )
        self.scheduler.start()

    def _deliver(self, updates: Sequence[tuple[Stream, Update]]) -> None:
        with self._changed:
            for stream, update in updates:
                result = self._results.setdefault(stream, Update())
                assert result.end is None, "an update after the last one"
                result.add(update)
            self._changed.notify_all()

    def submit(self, *prompts: Prompt) -> list[Stream]:
        return self.scheduler.submit(prompts)

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 30)

    def result(self, stream: Stream) -> Update:
        self.wait(lambda: stream in self._results and self._results[stream].end is not None)
        return self._results[stream]

    def tokens(self, stream: Stream) -> int:
        return len(self._results[stream].tokens) if stream in self._results else 0


@pytest.fixture
def make() -> Iterator[Callable[..., Harness]]:
    harnesses: list[Harness] = []

    def build(**options: float) -> Harness:
        harnesses.append(Harness(**options))  # type: ignore[arg-type]
        return harnesses[-1]

    yield build
    for harness in harnesses:
        harness.lanes.gate.set()
        harness.scheduler.close(grace=0)
        assert harness.scheduler.join(10)


def prompt(seed: int, length: int = 5, tokens: int = 20, **options: object) -> Prompt:
    ids = [3 + (seed * 31 + position) % 90 for position in range(length)]  # printable ASCII
    sampling = Sampling(temperature=1.0, top_p=0.9, max_tokens=tokens)
    return Prompt(ids, sampling, seed, **options)  # type: ignore[arg-type]


def alone(item: Prompt) -> list[int]:
    """The tokens by definition: one lane, one sampler, token after token."""
    lanes = FakeLanes(1)
    sampler = Sampler(item.sampling, item.seed)
    choose = lanes.chooser(0, sampler)
    lanes.advance([0], [item.tokens])
    tokens: list[int] = []
    while len(tokens) < item.sampling.max_tokens:
        tokens.append(choose())
        lanes.advance([0], [tokens[-1:]])
    return tokens


def test_tokens_are_those_of_a_stream_alone(make: Callable[..., Harness]) -> None:
    harness = make(lanes=3, queue=40)
    prompts = [prompt(seed, length=1 + 7 * seed, tokens=5 + seed) for seed in range(20)]
    results = [harness.result(stream) for stream in harness.submit(*prompts)]
    for item, result in zip(prompts, results):
        assert result.tokens == alone(item)
        assert result.text == TOKENIZER.decode(result.tokens)
        assert result.end is End.LENGTH
    assert max(harness.observed.batches) == 3


def test_long_prompt_delays_others_by_two_passes_at_most(make: Callable[..., Harness]) -> None:
    harness = make(lanes=2)
    (first,) = harness.submit(prompt(1, tokens=400))
    harness.wait(lambda: harness.tokens(first) > 3)
    lane = first.lane
    assert lane is not None
    (second,) = harness.submit(prompt(2, length=500, tokens=2))
    assert harness.result(second).end is End.LENGTH
    assert harness.result(first).tokens == alone(prompt(1, tokens=400))
    shared = [item for item in harness.lanes.rounds if len(item) == 2]
    assert all(item[lane] == 1 for item in shared)
    chunks = [item[1 - lane] for item in shared]
    assert sum(chunks) == 501 and max(chunks) == prompt_budget(1) < PASS_TOKENS


@pytest.mark.parametrize("decoding", range(1, 70))
def test_prompts_fill_whole_passes(decoding: int) -> None:
    budget = prompt_budget(decoding)
    assert (decoding + budget) % PASS_TOKENS == 0
    assert LEAST_PROMPT_TOKENS <= budget < LEAST_PROMPT_TOKENS + PASS_TOKENS


def test_prompt_alone_is_read_in_chunks(make: Callable[..., Harness]) -> None:
    harness = make(lanes=2)
    (stream,) = harness.submit(prompt(1, length=2 * ALONE_PROMPT_TOKENS + 5, tokens=2))
    assert harness.result(stream).tokens == alone(stream.prompt)
    chunks = [tokens for item in harness.lanes.rounds for tokens in item.values()]
    assert chunks == [ALONE_PROMPT_TOKENS, ALONE_PROMPT_TOKENS, 5, 1]


def test_short_prompts_share_a_round(make: Callable[..., Harness]) -> None:
    harness = make(lanes=4)
    harness.lanes.gate.clear()
    (first,) = harness.submit(prompt(1, tokens=50))
    harness.wait(lambda: harness.tokens(first) > 0)
    rest = harness.submit(*(prompt(seed, length=5, tokens=9) for seed in (2, 3, 4)))
    harness.lanes.gate.set()
    for stream in rest:
        assert harness.result(stream).tokens == alone(stream.prompt)
    assert any(sorted(item.values()) == [1, 5, 5, 5] for item in harness.lanes.rounds)


@pytest.mark.parametrize("decoding", [0, 1])
def test_short_prompt_does_not_wait_for_the_end_of_long_ones(
    make: Callable[..., Harness], decoding: int
) -> None:
    harness = make(lanes=4)
    harness.lanes.gate.clear()
    long = harness.submit(
        *(prompt(1, length=2, tokens=0) for _ in range(decoding)),
        *(prompt(seed, length=5000, tokens=1) for seed in (2, 3)),
    )
    wait(lambda: len(harness.lanes.rounds) >= 1)
    (short,) = harness.submit(prompt(4, length=9, tokens=2))
    harness.lanes.gate.set()
    assert harness.result(short).tokens == alone(prompt(4, length=9, tokens=2))
    lane = 1 - decoding  # lanes are taken from the last one down
    took_part = [index for index, item in enumerate(harness.lanes.rounds) if lane in item]
    assert took_part[-1] < 9
    assert not any(harness.tokens(stream) for stream in long[decoding:])
    for stream in long[decoding:]:
        assert harness.result(stream).tokens == alone(stream.prompt)


def test_every_prompt_reads_even_if_the_budget_is_smaller_than_their_number(
    make: Callable[..., Harness],
) -> None:
    harness = make(lanes=64, queue=64)
    harness.lanes.gate.clear()
    decoding = harness.submit(*(prompt(seed, length=1, tokens=0) for seed in range(8)))
    harness.wait(lambda: all(harness.tokens(stream) for stream in decoding))
    reading = harness.submit(*(prompt(seed, length=30, tokens=1) for seed in range(40)))
    harness.lanes.gate.set()
    for stream in reading:
        assert harness.result(stream).tokens == alone(stream.prompt)
    lanes = [stream for item in harness.lanes.rounds for stream in item]
    assert len(set(lanes)) == 48


@pytest.mark.parametrize(
    ("budget", "wanted", "expected"),
    [
        (64, [5, 5000], [5, 59]),
        (64, [5000, 5000, 5000], [22, 21, 21]),
        (8, [1, 1, 1], [1, 1, 1]),
        (2, [9, 9, 9], [1, 1, 0]),
        (8, [], []),
        (8, [0, 3], [0, 3]),
    ],
)
def test_shares(budget: int, wanted: list[int], expected: list[int]) -> None:
    assert shares(budget, wanted) == expected


def test_scores_are_those_of_the_definition(make: Callable[..., Harness]) -> None:
    harness = make(lanes=2)
    plain, scored, only = harness.submit(
        prompt(1),
        prompt(1, top_tokens=3, is_scored=True),
        prompt(1, top_tokens=1, is_scored=True, is_complete=True),
    )
    result = harness.result(scored)
    assert result.tokens == harness.result(plain).tokens == alone(prompt(1))
    assert harness.result(plain).scores == []
    lanes, expected = FakeLanes(1), []
    sequence = [*scored.prompt.tokens, *result.tokens]
    for token, following in itertools.pairwise(sequence):
        lanes.advance([0], [[token]])
        expected.append(token_score(lanes.scores(0), following, 3))
    assert result.scores == [TokenScore(sequence[0], None), *expected]
    nothing = harness.result(only)
    assert (nothing.tokens, nothing.text, nothing.end) == ([], "", End.LENGTH)
    assert [item.logprob for item in nothing.scores] == [item.logprob for item in result.scores[:5]]
    best = scored.prompt.tokens
    assert all(len(item.top) == 3 for item in result.scores[1:]) and best


def test_any_end_token_ends_the_stream_and_all_can_be_banned(
    make: Callable[..., Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = make()
    harness.lanes.end_at = 9
    monkeypatch.setattr("tests.pynq_driver.serving.fake_lanes.END_TOKEN", OTHER_END)
    ended, one, all_banned = harness.submit(
        prompt(1),
        prompt(1, banned_tokens=(END_TOKEN,)),
        prompt(1, banned_tokens=(END_TOKEN, OTHER_END)),
    )
    for stream in (ended, one):
        assert harness.result(stream).tokens == [*alone(prompt(1))[:4], OTHER_END]
    assert harness.result(all_banned).end is End.LENGTH
    assert OTHER_END not in harness.result(all_banned).tokens


def test_full_queue_refuses_all_of_a_request(make: Callable[..., Harness]) -> None:
    harness = make(lanes=1, queue=2)
    harness.lanes.gate.clear()
    (running,) = harness.submit(prompt(1))
    harness.wait(lambda: harness.tokens(running) > 0)
    harness.submit(prompt(2))
    with pytest.raises(Busy) as refused:
        harness.submit(prompt(3), prompt(4))
    assert 1 <= refused.value.retry_seconds <= 60
    assert harness.scheduler.queue_length == 1
    (waiting,) = harness.submit(prompt(5))
    harness.lanes.gate.set()
    assert harness.result(waiting).tokens == alone(prompt(5))


def test_cancelled_stream_frees_its_lane_for_the_next(make: Callable[..., Harness]) -> None:
    harness = make(lanes=1)
    (endless,) = harness.submit(prompt(1, tokens=0))
    harness.wait(lambda: harness.tokens(endless) > 5)
    waiting, after = harness.submit(prompt(2), prompt(3))
    harness.scheduler.cancel([waiting, endless])
    assert harness.result(after).tokens == alone(prompt(3))
    assert harness.result(endless).end is End.CANCELLED
    assert harness.result(waiting) == Update(end=End.CANCELLED)
    assert harness.scheduler.busy_lanes == 0 and harness.scheduler.queue_length == 0
    harness.scheduler.cancel([after])  # too late, harmless
    assert harness.observed.ends.count(End.CANCELLED) == 2


def test_time_out_ends_running_and_waiting_streams(make: Callable[..., Harness]) -> None:
    harness = make(lanes=1, timeout=0.2)
    running, waiting = harness.submit(prompt(1, tokens=0), prompt(2))
    assert harness.result(running).end is End.TIMED_OUT
    assert harness.result(waiting) == Update(end=End.TIMED_OUT)
    assert harness.tokens(running) > 0


def test_close_refuses_waiting_streams_and_finishes_running_ones(
    make: Callable[..., Harness],
) -> None:
    harness = make(lanes=1)
    harness.lanes.gate.clear()
    running, waiting = harness.submit(prompt(1), prompt(2))
    harness.wait(lambda: harness.tokens(running) > 0)
    harness.scheduler.close(grace=30)
    harness.lanes.gate.set()
    assert harness.result(running).tokens == alone(prompt(1))
    assert harness.result(waiting).end is End.SHUT_DOWN
    with pytest.raises(Closed):
        harness.submit(prompt(3))
    assert harness.scheduler.join(10) and not harness.scheduler.healthy


def test_grace_time_cuts_what_does_not_end(make: Callable[..., Harness]) -> None:
    harness = make(lanes=1)
    (endless,) = harness.submit(prompt(1, tokens=0))
    harness.wait(lambda: harness.tokens(endless) > 0)
    started = time.monotonic()
    harness.scheduler.close(grace=0.2)
    assert harness.result(endless).end is End.SHUT_DOWN
    assert 0.2 <= time.monotonic() - started < 10


def test_failure_of_the_backend_reaches_every_client(make: Callable[..., Harness]) -> None:
    harness = make(lanes=2)
    harness.lanes.fail_on_token = 299
    streams = harness.submit(
        prompt(1, tokens=0),
        Prompt([299], Sampling()),
        prompt(2),
    )
    assert {harness.result(stream).end for stream in streams} == {End.FAILED}
    assert isinstance(harness.scheduler.failure, RuntimeError)
    with pytest.raises(Closed):
        harness.submit(prompt(3))


def test_a_device_that_fails_once_is_used_again(make: Callable[..., Harness]) -> None:
    harness = make(lanes=2)
    harness.lanes.fail_on_token, harness.lanes.failure = 299, TritforgeError("a DMA engine stopped")
    harness.lanes.gate.clear()
    running = harness.submit(prompt(1, tokens=0))
    harness.submit(Prompt([299], Sampling()))
    waiting = harness.submit(prompt(2))
    harness.lanes.gate.set()
    assert harness.result(running[0]).end is End.FAILED
    assert harness.result(waiting[0]).tokens == alone(prompt(2))
    assert harness.scheduler.healthy


def test_a_device_that_keeps_failing_ends_the_server(make: Callable[..., Harness]) -> None:
    harness = make(lanes=1)
    harness.lanes.fail_on_token, harness.lanes.failure = 299, TritforgeError("the board is gone")
    for _ in range(MOST_FAILED_ROUNDS):
        assert harness.scheduler.healthy
        (stream,) = harness.submit(Prompt([299], Sampling()))
        assert harness.result(stream).end is End.FAILED
    wait(lambda: not harness.scheduler.healthy)
    assert isinstance(harness.scheduler.failure, TritforgeError)


def test_failure_of_one_stream_is_its_own(
    make: Callable[..., Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = make(lanes=2)
    harness.lanes.gate.clear()
    bad, good = harness.submit(prompt(1, tokens=0), prompt(2))
    harness.wait(lambda: harness.tokens(good) > 0)
    monkeypatch.setattr(bad, "choose", lambda: 1 // 0)
    harness.lanes.gate.set()
    assert harness.result(bad).end is End.FAILED
    assert harness.result(good).tokens == alone(prompt(2))
    assert harness.scheduler.healthy


def test_stop_sequence_ends_the_text_before_it(make: Callable[..., Harness]) -> None:
    harness = make()
    text = TOKENIZER.decode(alone(prompt(1)))
    stop = text[6:9]
    (stopped,) = harness.submit(prompt(1, stop=(stop,)))
    result = harness.result(stopped)
    assert result.end is End.STOP
    assert result.text == text[: text.index(stop)]


def test_end_token_ends_the_stream_unless_banned(make: Callable[..., Harness]) -> None:
    harness = make()
    harness.lanes.end_at = 9
    ended, banned = harness.submit(prompt(1), prompt(1, banned_tokens=(END_TOKEN,)))
    result = harness.result(ended)
    assert result.end is End.STOP
    assert result.tokens == [*alone(prompt(1))[:4], END_TOKEN]
    assert harness.result(banned).end is End.LENGTH
    assert END_TOKEN not in harness.result(banned).tokens
    assert harness.observed.tokens == 5 + 20


def test_held_back_text_comes_with_the_end(make: Callable[..., Harness]) -> None:
    harness = make()
    text = TOKENIZER.decode(alone(prompt(1)))
    (stream,) = harness.submit(prompt(1, stop=(text[-3:] + "never",)))
    result = harness.result(stream)
    assert result.end is End.LENGTH and result.text == text
