# SPDX-License-Identifier: Apache-2.0
"""Generations and evaluations side by side: each gives what it gives alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from pynq_driver import Generation, LanguageModel
from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.backends.opening import open_backend
from pynq_driver.language_model.fit import config_for
from testing.golden_device import GoldenDevice
from tritforge.language_model.image import Image

BACKENDS = ("cpu", "golden", "float", "machine, one state", "machine, one state per lane")


def backend_on(image: Image, name: str) -> Backend:
    if name.startswith("machine"):
        config = config_for(image, lanes=4, states=4 if "per lane" in name else 1)
        return MachineBackend(image, GoldenDevice(config), config)
    return open_backend(name, image, threads=1 if name == "cpu" else None)


@dataclass(frozen=True)
class Job:
    """A generation, or an evaluation if it has no seed."""

    text: str
    seed: int | None
    greedy: bool = False
    tokens: int = 5

    def start(self, model: LanguageModel) -> Generation:
        return model.generate(
            self.text,
            seed=self.seed,
            max_tokens=self.tokens,
            temperature=0 if self.greedy else None,
            ignore_end=True,
        )

    def run(self, model: LanguageModel) -> object:
        if self.seed is None:
            return model.evaluate(self.text)
        generation = self.start(model)
        return "".join(generation), generation.tokens


def random_job(chance: random.Random) -> Job:
    text = "".join(chance.choice("abc é") for _ in range(chance.randint(1, 9))) + "x"
    if chance.random() < 0.2:
        return Job(text, None)
    return Job(text, chance.randrange(100), chance.random() < 0.3, chance.randint(1, 6))


def interleave(chance: random.Random, model: LanguageModel, jobs: list[Job]) -> list[object]:
    """Results of jobs whose steps take turns at random; an evaluation is one step."""
    running: list[tuple[int, Generation | None, list[str]]] = [
        (index, None if job.seed is None else job.start(model), [])
        for index, job in enumerate(jobs)
    ]
    results: list[object] = [None] * len(jobs)
    while running:
        item = chance.choice(running)
        index, generation, pieces = item
        if generation is None:
            results[index] = jobs[index].run(model)
            running.remove(item)
            continue
        piece = next(generation, None)
        if piece is None:
            results[index] = "".join(pieces), generation.tokens
            running.remove(item)
        else:
            pieces.append(piece)
    return results


@pytest.fixture(params=BACKENDS)
def model(request: pytest.FixtureRequest, small_image: Image) -> LanguageModel:
    return LanguageModel(small_image, backend_on(small_image, request.param))


def test_random_pairs_give_what_each_gives_alone(model: LanguageModel) -> None:
    chance = random.Random(5)
    known: dict[Job, object] = {}
    pairs = 500 if "Cpu" in type(model.backend).__name__ else 12
    for _ in range(pairs):
        jobs = [random_job(chance) for _ in range(2)]
        for job in jobs:
            if job not in known:
                known[job] = job.run(model)
        assert interleave(chance, model, jobs) == [known[job] for job in jobs], jobs


def test_saturations_are_those_of_the_generation(small_image: Image) -> None:
    model = LanguageModel(small_image, backend_on(small_image, "golden"))
    first, second = (model.generate(text, seed=1, max_tokens=3) for text in ("abc", "x"))
    assert first.saturations() == {}
    for _ in zip(first, second):
        pass
    context = model.backend.context()  # type: ignore[attr-defined]
    context.prefill([*second.prompt_tokens, *second.tokens[:-1]])
    assert second.saturations() == context.saturations()


JOBS = [Job("abcde" * (1 + index % 3), index, index % 2 == 0, 8) for index in range(8)] + [
    Job("an evaluation in between", None),
    Job("and another one", None),
]


def test_threads(model: LanguageModel) -> None:
    alone = [job.run(model) for job in JOBS]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda job: job.run(model), JOBS)) == alone


def test_asyncio(model: LanguageModel) -> None:
    alone = [job.run(model) for job in JOBS[:3]]

    async def generate(job: Job) -> object:
        generation = job.start(model)
        pieces: list[str] = []
        iterator: Iterator[str] = iter(generation)
        while (piece := await asyncio.to_thread(next, iterator, None)) is not None:
            pieces.append(piece)
        return "".join(pieces), generation.tokens

    async def every() -> list[object]:
        return list(await asyncio.gather(*(generate(job) for job in JOBS[:3])))

    assert asyncio.run(every()) == alone


def test_generation_left_in_the_middle_harms_nobody(model: LanguageModel) -> None:
    alone = JOBS[1].run(model)
    left = JOBS[2].start(model)
    next(left)
    assert JOBS[1].run(model) == alone
    del left
    assert JOBS[1].run(model) == alone
