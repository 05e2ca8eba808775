# SPDX-License-Identifier: Apache-2.0
"""Contexts: state, prefill, threads."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.engine.extension import KERNELS, engine_arguments, make_engine
from tests.engine.extreme_model import extreme_image
from tritforge.language_model.config import ModelShape
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image

SHAPE = ModelShape(dim=73, layers=2, glu_width=101, vocabulary=131)
TOKENS = np.random.default_rng(3).integers(0, SHAPE.vocabulary, 20).tolist()


@pytest.fixture(scope="module")
def image() -> Image:
    return extreme_image(SHAPE, seed=3)


@pytest.fixture(scope="module", params=[(kernel, n) for kernel in KERNELS for n in (1, 2)], ids=str)
def engine(image: Image, request: pytest.FixtureRequest):
    return make_engine(image, *request.param)


def logits_after(engine, tokens: list[int]):
    context = engine.context()
    for token in tokens:
        context.step(token)
    return context.logits()


def test_kernel_name(engine) -> None:
    assert engine.kernel in KERNELS


def test_auto_is_the_fastest(image: Image) -> None:
    assert make_engine(image).kernel == KERNELS[-1]


@pytest.mark.parametrize("tokens", [TOKENS, tuple(TOKENS), np.array(TOKENS, np.uint16)])
def test_prefill_equals_steps(engine, tokens) -> None:
    stepped, filled = engine.context(), engine.context()
    for token in TOKENS:
        stepped.step(token)
    filled.prefill(tokens)
    np.testing.assert_array_equal(filled.logits(), stepped.logits())
    np.testing.assert_array_equal(filled.accumulators(), stepped.accumulators())
    np.testing.assert_array_equal(filled.state(), stepped.state())


def test_restore_continues_a_stream(engine) -> None:
    first = engine.context()
    first.prefill(TOKENS[:7])
    saved = first.state()
    second = engine.context()
    second.prefill([5, 6])
    second.restore(saved.astype(np.int64))
    np.testing.assert_array_equal(second.state(), saved)
    second.prefill(TOKENS[7:])
    np.testing.assert_array_equal(second.logits(), logits_after(engine, TOKENS))


def test_state_and_logits_are_copies(engine) -> None:
    context = engine.context()
    context.step(1)
    state, logits = context.state(), context.logits()
    state[:], logits[:] = 7, 7
    assert (context.state() != 7).any()
    assert (context.logits() != 7).any()


def test_reset_is_the_empty_context(image: Image, engine) -> None:
    context = engine.context()
    context.restore(np.full((SHAPE.layers, SHAPE.dim), 1 << 22))
    context.prefill(TOKENS)
    context.reset()
    assert not context.state().any()
    assert context.saturations() == {}
    with pytest.raises(RuntimeError, match="no logits yet"):
        context.logits()
    context.prefill(TOKENS)
    np.testing.assert_array_equal(context.logits(), logits_after(engine, TOKENS))


def test_restored_state_saturates_like_the_golden_model(image: Image, engine) -> None:
    limit = (1 << 23) - 1
    hidden = np.random.default_rng(1).choice([-limit, limit], (SHAPE.layers, SHAPE.dim))
    model, context = GoldenModel(image), engine.context()
    state = model.new_state()
    state.hidden[:, 0] = hidden
    context.restore(hidden)
    for token in TOKENS[:3]:
        model.step(state, np.array([token]))
        context.step(token)
    np.testing.assert_array_equal(context.state(), state.hidden[:, 0])
    assert context.saturations() == dict(state.flags)


def test_contexts_of_one_engine_run_side_by_side(engine) -> None:
    streams = [np.roll(TOKENS, shift).tolist() for shift in range(6)]
    expected = [logits_after(engine, stream) for stream in streams]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda stream: logits_after(engine, stream), streams))
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one, other)


def test_second_thread_on_a_busy_context_is_refused(engine) -> None:
    context = engine.context()
    refused, stop = [], threading.Event()

    def intrude() -> None:
        while not stop.is_set():
            try:
                context.state()
            except RuntimeError as error:
                refused.append(str(error))

    intruder = threading.Thread(target=intrude)
    intruder.start()
    stepped = []
    # The owner can be refused too, while the intruder copies the state: then it tries again.
    while len(stepped) < 200 or not refused:
        try:
            context.step(TOKENS[len(stepped) % len(TOKENS)])
            stepped.append(TOKENS[len(stepped) % len(TOKENS)])
        except RuntimeError as error:
            assert "another thread" in str(error)
    stop.set()
    intruder.join()
    assert all("another thread" in text for text in refused)
    np.testing.assert_array_equal(context.logits(), logits_after(engine, stepped))


def test_more_threads_than_rows(image: Image, engine) -> None:
    many = make_engine(image, engine.kernel, threads=64)
    np.testing.assert_array_equal(logits_after(many, TOKENS[:3]), logits_after(engine, TOKENS[:3]))


def test_context_keeps_engine_and_buffers_alive(image: Image) -> None:
    arguments = {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in engine_arguments(image).items()
    }
    from tests.engine.extension import _engine

    engine = _engine.Engine(**arguments, kernel="portable")
    context = engine.context()
    del engine
    arguments.clear()
    gc.collect()
    blocks = [np.full(image.weight_stream.size, 255, np.uint8) for _ in range(50)]
    context.prefill(TOKENS)
    assert blocks
    np.testing.assert_array_equal(
        context.logits(), logits_after(make_engine(image, "portable"), TOKENS)
    )


FORKED = """
import os
from tests.engine.extension import make_engine
from tests.engine.extreme_model import extreme_image
from tritforge.language_model.config import ModelShape
image = extreme_image(ModelShape(dim=40, layers=1, glu_width=40, vocabulary=9))
engine = make_engine(image, threads=2)
context = engine.context()
context.step(1)
child = os.fork()
context.step(2)
if child == 0:
    engine.context().step(1)
    del context
    del engine
    os._exit(0)
_, status = os.waitpid(child, 0)
context.step(2)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_child_runs_on_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True, timeout=60)
