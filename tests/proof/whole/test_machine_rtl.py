# SPDX-License-Identifier: Apache-2.0
"""The Verilated machine: same words as the golden model, whatever memory and streams do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.performance import STALLS
from testing.golden_device import GoldenDevice
from testing.machine_robustness import (
    SHAPE,
    check_equal,
    malformed_runs,
    random_memory,
    stall_runs,
)
from testing.machine_runs import RunMaker
from testing.machine_sweep import RTL_CASES, Case, run_case
from testing.random_model import random_image
from testing.same_tokens import open_model, streams_alone, streams_together
from testing.tiny_accelerator import tiny_accelerator
from testing.vcd import clock_cycles
from tritforge.language_model.image import Image
from tritforge_cli.machine import build_library
from tritforge_cli.main import main

pytestmark = pytest.mark.cosim


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> RunMaker:
    image = random_image(tmp_path_factory.mktemp("tiny"), SHAPE)
    return RunMaker(image, tiny_accelerator())


@pytest.fixture(scope="module")
def device(maker: RunMaker) -> Iterator[CompiledMachine]:
    machine = CompiledMachine(build_library("rtl", maker.config))
    yield machine
    machine.close()


def test_random_stalls_change_no_bit(device: CompiledMachine, maker: RunMaker) -> None:
    results = list(stall_runs(device, maker, 40, np.random.default_rng(3)))
    assert len({result.counters["cycles"] for result in results}) > 20, "the stalls took time"


def test_broken_runs_are_noticed_and_leave_nothing_behind(
    device: CompiledMachine, maker: RunMaker
) -> None:
    outcomes = list(malformed_runs(device, maker, 75, np.random.default_rng(4)))
    assert {"reset", "stream_length", "invalid_field", "shape_too_large"} <= set(outcomes)


def test_counters_account_for_every_cycle(device: CompiledMachine, maker: RunMaker) -> None:
    run = maker.fresh_run(np.random.default_rng(5))
    counters = device.run(run).counters
    beats = counters["array_beats"]
    assert beats == run.inputs["weights_0"].size
    stalls = sum(counters[name] for name in STALLS.values())
    assert beats + stalls == counters["cycles"]
    assert counters["parameters_words"] == run.inputs["parameters"].size
    assert counters["input_words"] == run.inputs["input"].size
    assert counters["output_words"] == run.outputs["output"]
    assert device.fifos()


def test_a_slow_memory_takes_more_cycles(device: CompiledMachine, maker: RunMaker) -> None:
    run = maker.fresh_run(np.random.default_rng(6))
    usual = device.memory
    cycles, outputs = [], []
    for rate in (0.0, 8.0, 2.0):
        device.memory = dataclasses.replace(usual, bytes_per_cycle=rate)
        result = device.run(run)
        cycles.append(result.counters["cycles"])
        outputs.append(result)
    device.memory = usual
    assert cycles[0] < cycles[1] < cycles[2]
    for result in outputs[1:]:
        check_equal("slower memory", result, outputs[0])


def test_a_reset_machine_starts_clean(device: CompiledMachine, maker: RunMaker) -> None:
    generator = np.random.default_rng(7)
    reference = GoldenDevice(maker.config)
    device.memory = random_memory(generator, maker.bytes_per_cycle)
    device.reset()
    run = maker.fresh_run(generator)
    check_equal("after reset", device.run(run), reference.run(run))


@pytest.mark.slow
@pytest.mark.parametrize("case", RTL_CASES, ids=lambda case: case.name)
def test_generated_machine_equals_the_golden_model(case: Case) -> None:
    run_case(case, "rtl")


@pytest.mark.slow
def test_embedded_model_gives_the_golden_tokens(story_image: Image) -> None:
    tokens = {}
    for backend in ("golden", "rtl"):
        generation = open_model(story_image, backend, None).generate(
            "Once", temperature=0.7, seed=11, max_tokens=4, ignore_end=True
        )
        list(generation)
        tokens[backend] = generation.tokens
    assert tokens["rtl"] == tokens["golden"]


@pytest.mark.slow  # compiles a machine of its own: waveforms are an option of the compiler
def test_waveform_of_a_generation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = random_image(tmp_path, SHAPE)
    path = tmp_path / "machine.vcd"
    golden = open_model(image, "golden", None).generate(
        "a", temperature=0, max_tokens=2, ignore_end=True
    )
    list(golden)
    options = ["--model", str(tmp_path / "random.tritforge"), "--temperature", "0", "--ids"]
    options += ["--max-tokens", "2", "--ignore-end", "--backend", "rtl", "--waveform", str(path)]
    assert main(["generate", "a", *options]) == 0
    assert [int(item) for item in capsys.readouterr().out.split()] == golden.tokens
    maker = RunMaker(image)
    model = maker.words.model()
    # The last token is chosen, but no more run on.
    runs = golden.statistics.prompt_tokens + len(golden.tokens) - 1
    expected = {
        "s_axis_weights_0": model["weights_0"].size,
        "s_axis_parameters": model["parameters"].size,
        "m_axis_output": maker.words.output_words(all_logits=False),
    }
    moved = dict.fromkeys(expected, 0)
    names = [f"TOP.{name}_{end}" for name in expected for end in ("tvalid", "tready")]
    for cycle in clock_cycles(path, names, clock="TOP.aclk"):
        for name in expected:
            moved[name] += cycle[f"TOP.{name}_tvalid"] & cycle[f"TOP.{name}_tready"]
    assert moved == {name: runs * words for name, words in expected.items()}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_four_lanes_hold_four_streams(story_image: Image) -> None:
    prompts = ("", "Tom", "Lily", "The")
    together = streams_together(open_model(story_image, "rtl", 4), prompts, 4)
    assert together == streams_alone(open_model(story_image, "golden", None), prompts, 4)
