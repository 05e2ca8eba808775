# SPDX-License-Identifier: Apache-2.0
"""The generated machine, prompt in, tokens out: exactly those of the golden model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pynq_driver import load
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import Disturbance, NoProgressError
from pynq_driver.language_model.backends.opening import open_backend
from pynq_driver.language_model.fit import config_for
from testing.golden_device import GoldenDevice
from testing.machine_robustness import SHAPE, check_equal, malformed_runs, stall_runs
from testing.machine_runs import RunMaker, bad_headers
from testing.machine_sweep import CASES, Case, run_case
from testing.random_model import random_image
from testing.same_tokens import open_model, streams_alone, streams_together
from tritforge.errors import TritforgeError
from tritforge.language_model.image import Image
from tritforge_cli.machine import build_library, library_for

pytestmark = pytest.mark.csim

TOKENS = 8


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_embedded_model_gives_the_golden_tokens(story_image: Image, temperature: float) -> None:
    tokens = {}
    for backend in ("golden", "csim"):
        generation = open_model(story_image, backend, None).generate(
            "Once", temperature=temperature, seed=11, max_tokens=TOKENS, ignore_end=True
        )
        list(generation)
        tokens[backend] = generation.tokens
    assert len(tokens["golden"]) == TOKENS
    assert tokens["csim"] == tokens["golden"]


def test_four_lanes_hold_four_streams(story_image: Image) -> None:
    prompts = ("", "Tom", "Lily", "The")
    together = streams_together(open_model(story_image, "csim", 4), prompts, TOKENS)
    alone = streams_alone(open_model(story_image, "golden", None), prompts, TOKENS)
    assert together == alone
    assert len({tuple(stream) for stream in alone}) == 4, "the streams differ"


@pytest.mark.parametrize(("lanes", "ports"), [(1, 2), (4, 2), (8, 1)])
def test_prompt_through_lanes_equals_token_by_token(
    small_image: Image, lanes: int, ports: int
) -> None:
    golden = open_backend("golden", small_image)
    library = library_for("csim", small_image, ports, lanes)
    backend = open_backend("csim", small_image, library=library)
    for tokens in ([5, 17, 250, 3, 99, 299, 0, 42, 5, 1, 2], [7], [8, 9]):
        expected, found = golden.prefill(tokens), backend.prefill(tokens)
        assert np.array_equal(found.logits, expected.logits)
        assert np.array_equal(found.ranking, expected.ranking)
    documents = [[1, 5, 9, 200], [1, 7], [1, 299, 298, 297, 296]][:lanes]
    assert backend.score(documents) == golden.score(documents)


#: One of every number of ports and lanes, small ones; benchmarks/machine_sweep.py runs all.
@pytest.mark.parametrize("case", CASES[1:14:3], ids=lambda case: case.name)
def test_generated_machine_equals_the_golden_model(case: Case) -> None:
    run_case(case, "csim")


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> RunMaker:
    image = random_image(tmp_path_factory.mktemp("tiny"), SHAPE)
    return RunMaker(image, config_for(image, lanes=2))


@pytest.fixture(scope="module")
def device(maker: RunMaker) -> Iterator[CompiledMachine]:
    machine = CompiledMachine(build_library("csim", maker.config))
    yield machine
    machine.close()


def test_random_runs_equal_the_golden_model(device: CompiledMachine, maker: RunMaker) -> None:
    assert len(list(stall_runs(device, maker, 30, np.random.default_rng(3)))) == 30


def test_broken_runs_are_noticed_and_leave_nothing_behind(
    device: CompiledMachine, maker: RunMaker
) -> None:
    outcomes = list(malformed_runs(device, maker, 60, np.random.default_rng(4)))
    assert len(outcomes) == 60
    assert {"reset", "stream_length", "invalid_field", "shape_too_large"} <= set(outcomes)


def test_bad_programs_are_reported_like_the_golden_machine(
    device: CompiledMachine, maker: RunMaker
) -> None:
    """Result word and output, and with them what the operations before the error saturated."""
    reference, generator = GoldenDevice(maker.config), np.random.default_rng(6)
    fresh = maker.fresh_run(generator)
    for broken in bad_headers(fresh, maker.image, generator):
        check_equal(broken.name, device.run(broken.run), reference.run(broken.run))
    check_equal("after them", device.run(fresh), reference.run(fresh))


def test_two_machines_of_one_library_are_independent(maker: RunMaker) -> None:
    library = build_library("csim", maker.config)
    first, second = CompiledMachine(library), CompiledMachine(library)
    fresh = maker.run(maker.words.command(prefill=True, all_logits=False, fresh=(0,)), [5, 6])
    later = maker.run(maker.words.command(prefill=True, all_logits=False), [7, 8])
    for machine in (first, second, first):
        machine.run(fresh)
    expected = second.run(later)
    found, wanted = first.run(later).outputs["output"], expected.outputs["output"]
    assert np.array_equal(found, wanted)
    second.close()
    with pytest.raises(TritforgeError, match="is closed"):
        second.run(later)
    first.close()


def test_a_simulation_in_c_has_no_clock(device: CompiledMachine, tmp_path: Path) -> None:
    assert device.simulation == "csim"
    assert device.fifos() == {}
    with pytest.raises(TritforgeError, match="refused get_memory"):
        _ = device.memory
    with pytest.raises(TritforgeError, match="refused trace"):
        device.trace(tmp_path / "wave.vcd")


def test_a_halt_names_who_waits(device: CompiledMachine, maker: RunMaker) -> None:
    run = maker.fresh_run(np.random.default_rng(5))
    died = dataclasses.replace(run, disturbance=Disturbance(words={"input": 3}))
    with pytest.raises(NoProgressError, match=r"no progress: (?s:.*)vector_unit"):
        device.run(died)


def test_load_opens_a_machine(story_image: Image) -> None:
    model = load(backend="csim", library=library_for("csim", story_image))
    generation = model.generate("Mia", temperature=0, max_tokens=2)
    list(generation)
    assert len(generation.tokens) == 2
    assert not model.backend.saturations()
