# SPDX-License-Identifier: Apache-2.0
"""Threads share rows: any number of them, slow ones and lost ones give the same integers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from codegen.openhls.system import host_compiler, run
from testing.repository import ROOT
from tests.engine.extension import _engine, make_engine, runs_other_programs
from tests.engine.extreme_model import extreme_image
from tritforge.language_model.config import ModelShape
from tritforge.language_model.image import Image

#: Row blocks of 32 rows: 2 of dim and 4 of the gated linear unit, each with a remainder.
SMALL = ModelShape(dim=40, layers=2, glu_width=101, vocabulary=131)
#: Products take most of the time, as in models that are used.
LARGE = ModelShape(dim=1000, layers=3, glu_width=1500, vocabulary=700)
TOKENS = 24
STREAMS = 5
#: Each takes some hundredths of a second.
MOST_ROUNDS = 300
TASKS = Path("/proc/self/task")
ENGINE = ROOT / "engine"

needs_tasks = pytest.mark.skipif(not TASKS.is_dir(), reason="threads of a process are Linux's")


def image_of(shape: ModelShape) -> Image:
    return extreme_image(shape, seed=3, extremity=0.05)


@pytest.fixture(scope="module")
def large() -> Image:
    return image_of(LARGE)


def run_streams(engine: _engine.Engine, streams: int = STREAMS) -> list[_engine.Context]:
    """Prompts in common passes, then one token of every stream at a time, then one stream alone."""
    vocabulary = SMALL.vocabulary  # the smaller one: tokens of both models
    random = np.random.default_rng(11)
    contexts = [engine.context() for _ in range(streams)]
    prompts = [random.integers(0, vocabulary, 3 + 7 * index).tolist() for index in range(streams)]
    engine.advance_many(contexts, prompts)
    for _ in range(TOKENS):
        engine.step_many(contexts, random.integers(0, vocabulary, streams).astype(np.int32))
    for token in random.integers(0, vocabulary, TOKENS).tolist():
        contexts[0].step(token)
    return contexts


def check_equal(found: list[_engine.Context], expected: list[_engine.Context]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.state(), other.state())
        np.testing.assert_array_equal(one.accumulators(), other.accumulators())
        np.testing.assert_array_equal(one.logits(), other.logits())
        assert one.saturations() == other.saturations()


@contextmanager
def on_one_processor(make: Callable[[], _engine.Engine]) -> Iterator[_engine.Engine]:
    """An engine whose threads, and the caller, have to share one processor."""
    usable = os.sched_getaffinity(0)
    before = set(TASKS.iterdir())
    engine = make()
    try:
        for task in set(TASKS.iterdir()) - before:
            os.sched_setaffinity(int(task.name), {min(usable)})
        os.sched_setaffinity(0, {min(usable)})
        yield engine
    finally:
        os.sched_setaffinity(0, usable)


@pytest.mark.parametrize("threads", [2, 3, 5, 8, 64])
def test_more_threads_than_row_blocks(threads: int) -> None:
    image = image_of(SMALL)
    check_equal(
        run_streams(make_engine(image, threads=threads)), run_streams(make_engine(image, threads=1))
    )


@pytest.fixture(scope="module")
def expected(large: Image) -> list[_engine.Context]:
    return run_streams(make_engine(large, threads=1))


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_divide_rows_with_a_remainder(
    large: Image, expected: list[_engine.Context], threads: int
) -> None:
    check_equal(run_streams(make_engine(large, threads=threads)), expected)


@needs_tasks
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_that_lose_their_processor(
    large: Image, expected: list[_engine.Context], threads: int
) -> None:
    """All threads on one processor: one that runs takes it from another amid its products."""
    with on_one_processor(lambda: make_engine(large, threads=threads)) as engine:
        for _ in range(MOST_ROUNDS):
            check_equal(run_streams(engine), expected)
            if engine._rescued >= 5:
                break
        assert engine._rescued > 0, "no products were made again: this has tested nothing"


@needs_tasks
def test_memory_grows_while_a_thread_is_behind(large: Image) -> None:
    """More lanes need more memory for products, which a thread may still be making."""
    alone = make_engine(large, threads=1)
    for _ in range(10):
        with on_one_processor(lambda: make_engine(large, threads=3)) as engine:
            for lanes in range(1, 17, 5):
                check_equal([context_after(engine, lanes)], [context_after(alone, lanes)])


def context_after(engine: _engine.Engine, tokens: int) -> _engine.Context:
    context = engine.context()
    context.prefill(list(range(tokens)))
    return context


@needs_tasks
def test_an_engine_may_go_while_a_thread_is_behind(large: Image) -> None:
    expected = context_after(make_engine(large, threads=1), 1)
    before = set(TASKS.iterdir())
    for _ in range(20):
        engine = make_engine(large, threads=4)
        assert len(set(TASKS.iterdir()) - before) == 3
        context = context_after(engine, 1)
        check_equal([context], [expected])
        del engine, context
        assert set(TASKS.iterdir()) <= before, "its threads go with it"


def test_calls_of_several_threads_take_turns(large: Image, expected: list[_engine.Context]) -> None:
    engine = make_engine(large, threads=2)
    found: list[list[_engine.Context]] = []
    callers = [threading.Thread(target=lambda: found.append(run_streams(engine))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == len(callers)
    for contexts in found:
        check_equal(contexts, expected)


@runs_other_programs
def test_sizes_of_shares_follow_the_pace_of_their_threads(tmp_path: Path) -> None:
    program = tmp_path / "selftest"
    names = ("test/shares_selftest.cpp", "common/row_shares.cpp", "common/paces.cpp")
    options = ("-std=c++17", "-O1", "-I", ENGINE)
    run(
        [*host_compiler().command, *options, *(ENGINE / name for name in names), "-o", program],
        "the self-test's compiler",
    )
    run([program], "the self-test")
