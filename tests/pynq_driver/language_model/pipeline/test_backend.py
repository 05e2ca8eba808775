# SPDX-License-Identifier: Apache-2.0
"""Several boards give the tokens of one; a board that dies ends the run with its name."""

from __future__ import annotations

import dataclasses
import gc
import threading
from typing import Any

import numpy as np
import pytest

from pynq_driver import load
from pynq_driver.language_model.backends.base import ManyContexts
from pynq_driver.language_model.backends.cpu import CpuBackend
from pynq_driver.language_model.model import LanguageModel
from pynq_driver.language_model.pipeline import backend as backend_module
from pynq_driver.language_model.pipeline.backend import TIMEOUT_VARIABLE
from pynq_driver.language_model.pipeline.cpu_part import CpuPart
from pynq_driver.language_model.pipeline.errors import BoardSilentError, PipelineError
from pynq_driver.language_model.pipeline.golden_part import GoldenPart
from pynq_driver.language_model.pipeline.stage import open_stage
from pynq_driver.language_model.sampler import Sampler
from testing.random_model import SMALL_SHAPE, random_image
from tests.pynq_driver.language_model.pipeline.threads import running_boards
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image
from tritforge.language_model.image_header import Sampling

PROMPTS = ([1, 2, 3], [1], [1, 40, 41, 42, 43], [1, 9], [1, 7, 7], [1, 100])


@pytest.fixture(scope="module")
def small_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """A random model of four layers."""
    shape = dataclasses.replace(SMALL_SHAPE, layers=4)
    return random_image(tmp_path_factory.mktemp("four"), shape)


@pytest.fixture(scope="module")
def layers(small_image: Image) -> int:
    return small_image.header.shape.layers


def greedy(context: Any, prompt: list[int], count: int = 6) -> list[int]:
    choose = context.chooser(Sampler(Sampling(temperature=0)))
    tokens = [choose(prompt)]
    while len(tokens) < count:
        tokens.append(choose(tokens[-1:]))
    return tokens


@pytest.mark.parametrize("part", [CpuPart, GoldenPart])
def test_tokens_scores_and_saturations_are_those_of_one_board(
    small_image: Image, layers: int, part: Any
) -> None:
    def open_part(image: Image, own: Any, threads: int | None) -> Any:
        return part(image, own) if part is GoldenPart else part(image, own, threads)

    whole = CpuBackend(small_image, 1)
    for count in range(2, layers + 1):
        with running_boards(small_image, count, open_part) as boards:
            assert isinstance(boards.backend, ManyContexts)
            for prompt in PROMPTS:
                one, other = whole.context(), boards.backend.context()
                expected, found = one.prefill(prompt), other.prefill(prompt)
                np.testing.assert_array_equal(found.logits, expected.logits)
                np.testing.assert_array_equal(found.ranking, expected.ranking)
                assert greedy(other, [5]) == greedy(one, [5])
                assert other.saturations() == one.saturations()
            assert boards.backend.score([[1, 2, 3]]) == whole.score([[1, 2, 3]])


def test_sampled_text_is_that_of_one_board(story_image: Image) -> None:
    options: dict[str, Any] = {"max_tokens": 12, "seed": 3}
    expected = "".join(load(backend="cpu").generate("Once", **options))
    with running_boards(story_image, 2) as boards:
        model = LanguageModel(story_image, boards.backend)
        assert "".join(model.generate("Once", **options)) == expected
        assert "".join(model.generate("Once", **options, ignore_end=True))


def test_streams_in_threads(small_image: Image, layers: int) -> None:
    whole = CpuBackend(small_image, 1)
    expected = [greedy(whole.context(), prompt) for prompt in PROMPTS]
    with running_boards(small_image, layers) as boards:
        found: list[list[int]] = [[] for _ in PROMPTS]

        def generate(index: int) -> None:
            found[index] = greedy(boards.backend.context(), PROMPTS[index])

        threads = [threading.Thread(target=generate, args=(i,)) for i in range(len(PROMPTS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == expected


def through_lanes(backend: Any, rounds: int) -> tuple[list[list[int]], list[Any], list[Any]]:
    """As a server does it: all lanes advance, then all choose. Tokens, scores, saturations."""
    lanes = backend.lanes(len(PROMPTS))
    numbers = list(range(lanes.count))
    for _ in range(2):  # the second time with contexts that were used
        for lane in numbers:
            lanes.reset(lane)
        choosers = [lanes.chooser(lane, Sampler(Sampling(temperature=0))) for lane in numbers]
        tokens: list[list[int]] = [list(prompt) for prompt in PROMPTS]
        found: list[list[int]] = [[] for _ in PROMPTS]
        for _ in range(rounds):
            lanes.advance(numbers, tokens)
            tokens = [[choose()] for choose in choosers]
            for own, chosen in zip(found, tokens):
                own += chosen
    scores = [lanes.scores(lane).ranking for lane in numbers]
    return found, scores, [lanes.saturations(lane) for lane in numbers]


def test_lanes(small_image: Image, layers: int) -> None:
    tokens, scores, saturations = through_lanes(CpuBackend(small_image, 1), 5)
    with running_boards(small_image, layers) as boards:
        found = through_lanes(boards.backend, 5)
    assert (found[0], found[2]) == (tokens, saturations)
    np.testing.assert_array_equal(found[1], scores)


def test_contexts_are_given_back(small_image: Image) -> None:
    stages = []

    def open_part(image: Image, part: Any, threads: int | None) -> CpuPart:
        stages.append(CpuPart(image, part, threads))
        return stages[-1]

    with running_boards(small_image, 2, open_part) as boards:
        for prompt in PROMPTS:
            boards.backend.context().prefill(prompt)
        gc.collect()
        boards.backend.context().prefill([1])
        assert [len(stage._contexts) for stage in stages] == [1, 1]


# Faults.


def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.5")
    monkeypatch.setattr(backend_module, "_PING_SECONDS", 0.5)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_board_that_dies_ends_the_run_with_its_name(
    rank: int, monkeypatch: pytest.MonkeyPatch, small_image: Image
) -> None:
    silence(monkeypatch)
    with running_boards(small_image, 3) as boards:
        context = boards.backend.context()
        context.prefill([1])
        boards.ranks[rank].is_dead = True
        message = rf"board pynq-{rank} \(rank {rank}\) does not answer within 0\.5 s"
        with pytest.raises(BoardSilentError, match=message):
            context.prefill([2])
        with pytest.raises(BoardSilentError, match=message):
            boards.backend.context().prefill([2])
        boards.backend.pipeline.close()
        assert boards.ranks[0].is_aborted


def test_a_board_that_never_comes(small_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    silence(monkeypatch)
    with (
        pytest.raises(BoardSilentError, match=r"pynq-1 \(rank 1\) does not answer within 0\.5"),
        running_boards(small_image, 2, dead=(1,)),
    ):
        pass


def test_a_board_that_is_slow(small_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers: nobody has died."""
    silence(monkeypatch)

    with running_boards(small_image, 2) as boards:
        context = boards.backend.context()
        context.after = 1 << 40  # work that never comes
        with pytest.raises(PipelineError, match=r"all boards answer, .* 0\.5 s: set TRITFORGE_MPI"):
            context.scores()


def test_a_board_that_fails(small_image: Image) -> None:
    class BrokenPart(CpuPart):
        def finish(self, *given: Any) -> None:
            raise MemoryError("no room")

    with running_boards(small_image, 2, lambda *given: BrokenPart(*given)) as boards:
        with pytest.raises(PipelineError, match=r"board pynq-1 .* failed: MemoryError: no room"):
            boards.backend.prefill([1])
        boards.backend.pipeline.close()


def test_another_image_on_a_board(small_image: Image, story_image: Image) -> None:
    with (
        pytest.raises(PipelineError, match=r"pynq-1 \(rank 1\) has another image than pynq-0"),
        running_boards(story_image, 2, images={1: small_image}),
    ):
        pass


def test_more_boards_than_layers(small_image: Image, layers: int) -> None:
    with (
        pytest.raises(ConfigurationError, match=f"{layers} layers cannot be split into"),
        running_boards(small_image, layers + 1),
    ):
        pass


def test_one_board_alone(small_image: Image) -> None:
    with (
        pytest.raises(ConfigurationError, match="needs two boards or more: mpirun -n 2"),
        running_boards(small_image, 1),
    ):
        pass


def test_a_time_that_is_none(small_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "soon")
    with (
        pytest.raises(ConfigurationError, match="'soon': give seconds above 0"),
        running_boards(small_image, 2, open_stage),
    ):
        pass
