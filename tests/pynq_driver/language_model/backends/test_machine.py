# SPDX-License-Identifier: Apache-2.0
"""The backend on a device that runs the golden model behind the machine's words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from pynq_driver import Sampling
from pynq_driver.devices.device import Run, RunResult
from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.backends.opening import open_backend
from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores
from testing.golden_device import GoldenDevice
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.image import Image
from tritforge.language_model.interface import machine_interface
from tritforge.machine_interface import MachineInterface

TOKENS = [1, 17, 250, 3, 99, 299, 0, 42, 5]


def backend_on(image: Image, **changes: int) -> tuple[MachineBackend, GoldenDevice]:
    config = config_for(image, **changes)
    device = GoldenDevice(config)
    return MachineBackend(image, device, config), device


def same(left: Scores, right: Scores) -> bool:
    return np.array_equal(left.logits, right.logits) and np.array_equal(left.ranking, right.ranking)


@pytest.fixture(scope="module")
def golden(small_image: Image) -> Backend:
    return open_backend("golden", small_image)


@pytest.mark.parametrize(("lanes", "states"), [(1, 1), (4, 4), (4, 1), (8, 8)])
@pytest.mark.parametrize("ports", [1, 2])
def test_prefill_through_lanes_equals_token_by_token(
    small_image: Image, golden: Backend, lanes: int, states: int, ports: int
) -> None:
    backend, device = backend_on(small_image, lanes=lanes, states=states, ports=ports)
    golden.reset()
    for chunk in (TOKENS, TOKENS[:1], TOKENS[2:7]):
        assert same(backend.prefill(chunk), golden.prefill(chunk))
    assert len(device.runs) == sum(-(-count // lanes) for count in (9, 1, 5))
    backend.reset()
    golden.reset()
    assert same(backend.prefill([7]), golden.prefill([7])), "the context was forgotten"


def test_greedy_decoding_takes_the_best_tokens_of_the_head(
    small_image: Image, golden: Backend
) -> None:
    backend, device = backend_on(small_image, lanes=4)
    golden.reset()
    first = int(np.argmax(golden.prefill(TOKENS).ranking))
    for banned in (None, first):
        sampler = Sampler(Sampling(temperature=0), banned_token=banned)
        golden.reset()
        backend.reset()
        expected, found = golden.chooser(sampler), backend.chooser(sampler)
        tokens = list(TOKENS)
        for _ in range(3):
            choice = found(tokens)
            assert choice == expected(tokens)
            tokens = [choice]
    assert not any(command >> 1 & 1 for command in device.runs), "no run sent all logits"


@pytest.mark.parametrize(("lanes", "states"), [(1, 1), (4, 4), (4, 1)])
def test_scores_of_documents(small_image: Image, golden: Backend, lanes: int, states: int) -> None:
    backend, _ = backend_on(small_image, lanes=lanes, states=states)
    documents: Sequence[Sequence[int]] = [TOKENS, TOKENS[::-1], TOKENS[:2], TOKENS[3:8]][:states]
    assert backend.batch == states
    assert backend.score(documents) == golden.score(documents)
    assert backend.score([TOKENS]) == golden.score([TOKENS])
    with pytest.raises(TritforgeError, match="reset"):
        backend.prefill([1])


def test_lanes_hold_different_streams(small_image: Image, golden: Backend) -> None:
    backend, _ = backend_on(small_image, lanes=4)
    lanes = backend.lanes(3)
    streams: list[list[int]] = [[], [], []]

    def advance(work: dict[int, list[int]]) -> None:
        lanes.advance(list(work), list(work.values()))
        for lane, tokens in work.items():
            streams[lane] += tokens
        for lane, stream in enumerate(streams):  # those that held too
            if stream:
                golden.reset()
                assert same(lanes.scores(lane), golden.prefill(stream))

    advance({1: [5, 6, 7]})
    advance({0: [1], 1: [12, 13], 2: [21, 22, 23]})
    advance({2: [24], 0: [2, 3]})
    advance({1: [14]})
    lanes.reset(2)
    streams[2] = []
    advance({2: [8]})
    greedy = Sampler(Sampling(temperature=0), seed=0)
    assert lanes.chooser(2, greedy)() == greedy.choose(lanes.scores(2))
    with pytest.raises(ConfigurationError, match="lanes = 5"):
        backend.lanes(5)


class ScriptedDevice:
    """Answers every run with the same error and flags, and zeros."""

    def __init__(self, interface: MachineInterface) -> None:
        self.interface = interface
        self.error = "none"
        self.saturation: tuple[str, ...] = ()
        self.stream_errors: tuple[str, ...] = ()

    def run(self, run: Run) -> RunResult:
        count = run.outputs["output"] if self.error == "none" else 1
        flags = {"saturation": self.saturation, "stream_errors": self.stream_errors}
        return RunResult({"output": np.zeros(count, np.uint64)}, self.error, flags)

    def reset(self) -> None:
        """Nothing is ever on its way."""

    def close(self) -> None: ...


def test_an_error_code_is_an_error_and_loses_the_context(small_image: Image) -> None:
    config = config_for(small_image)
    device = ScriptedDevice(machine_interface(config))
    device.error, device.stream_errors = "stream_length", ("weights_0_early",)
    backend = MachineBackend(small_image, device, config)
    with pytest.raises(TritforgeError, match=r"error stream_length \(weights_0_early\)"):
        backend.prefill([1])
    device.error, device.stream_errors, device.saturation = "none", (), ("operand",)
    with pytest.raises(TritforgeError, match="context of the machine is lost"):
        backend.prefill([1])
    backend.reset()
    backend.prefill([1])
    backend.prefill([1, 2])
    assert backend.saturations() == {"operand": 3}, "one of each run"


def test_runs_and_counters_are_kept(small_image: Image) -> None:
    backend, _ = backend_on(small_image)
    backend.prefill([1, 2, 3])
    assert backend.session.runs == 3
    assert backend.session.counters == {"cycles": 7}


def test_a_device_of_another_configuration_is_refused(small_image: Image) -> None:
    device = GoldenDevice(config_for(small_image, lanes=2))
    with pytest.raises(ConfigurationError, match="build it from this configuration"):
        MachineBackend(small_image, device, config_for(small_image))


def test_other_widths_are_refused(small_image: Image) -> None:
    config = config_for(small_image)
    config = dataclasses.replace(config, widths=dataclasses.replace(config.widths, logit=31))
    with pytest.raises(ConfigurationError, match="other bit widths"):
        MachineBackend(small_image, GoldenDevice(config), config)


@pytest.mark.parametrize("name", ["csim", "rtl"])
def test_a_machine_backend_needs_a_library(small_image: Image, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"generate --backend {name}"):
        open_backend(name, small_image)
