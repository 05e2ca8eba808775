# SPDX-License-Identifier: Apache-2.0
"""Generations and streams of one model on every backend, to be compared token by token.

`benchmarks.same_tokens` is the command line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from pynq_driver import LanguageModel, Sampling
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS, open_backend
from pynq_driver.language_model.sampler import Sampler
from tritforge.language_model.image import Image
from tritforge_cli.machine import library_for


@dataclass(frozen=True)
class Run:
    """Tokens of one generation, seconds, and clock cycles of a machine."""

    tokens: list[int]
    seconds: float
    cycles: int


def open_model(image: Image, backend: str, lanes: int | None) -> LanguageModel:
    """A model on a backend; machines are built if needed."""
    library = None
    if backend in MACHINE_BACKENDS:
        library = library_for(backend, image, lanes=lanes)
    return LanguageModel(image, open_backend(backend, image, library=library))


def generate(
    model: LanguageModel, prompt: str, tokens: int, seed: int, temperature: float, name: str
) -> Run:
    """Generate `tokens` tokens with a progress bar called `name`."""
    generation = model.generate(
        prompt, temperature=temperature, seed=seed, max_tokens=tokens, ignore_end=True
    )
    cycles, started = 0, time.perf_counter()
    with tqdm(total=tokens, desc=name, unit="token", disable=None, leave=False) as bar:
        for _ in generation:
            bar.update(len(generation.tokens) - bar.n)
            if isinstance(model.backend, MachineBackend):
                cycles += model.backend.session.counters.get("cycles", 0)
    return Run(generation.tokens, time.perf_counter() - started, cycles)


def leading(runs: Sequence[Sequence[int]]) -> int:
    """Number of leading tokens on which all runs agree."""
    agreeing = [len(set(choices)) == 1 for choices in zip(*runs)]
    return agreeing.index(False) if False in agreeing else len(agreeing)


def streams_alone(model: LanguageModel, prompts: Sequence[str], tokens: int) -> list[list[int]]:
    """Greedy continuation of every prompt, one after the other."""
    return [generate(model, prompt, tokens, 1, 0.0, "alone").tokens for prompt in prompts]


def streams_together(model: LanguageModel, prompts: Sequence[str], tokens: int) -> list[list[int]]:
    """Greedy continuation of every prompt, each in a lane of its own."""
    assert isinstance(model.backend, MachineBackend)
    lanes = model.backend.lanes(len(prompts))
    end = model.image.header.end_token
    greedy = Sampling(temperature=0)
    choosers = [lanes.chooser(lane, Sampler(greedy, 0, end)) for lane in range(len(prompts))]
    streams: list[list[int]] = [[] for _ in prompts]
    following = [model.encode(prompt) for prompt in prompts]
    for _ in tqdm(range(tokens), desc="together", unit="step", disable=None, leave=False):
        lanes.advance(range(len(prompts)), following)
        following = [[choose()] for choose in choosers]
        for stream, chosen in zip(streams, following):
            stream += chosen
    return streams
