# SPDX-License-Identifier: Apache-2.0
"""An overlay with lanes: several prompts at once, a prompt in chunks, and faults between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver import CompiledLibrary, load
from pynq_driver.board.errors import DmaError
from pynq_driver.board.opening import open_board
from pynq_driver.language_model.backends.base import Backend, Lanes
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.simulated_board.dma_engine import SLAVE_ERROR
from pynq_driver.simulated_board.overlay import write_simulated_overlay
from tritforge.boards import Board
from tritforge.language_model.image import Image
from tritforge_cli.machine import library_for

pytestmark = [pytest.mark.csim, pytest.mark.filterwarnings("ignore")]

LANES = 4
PROMPTS = ([1, 5, 9, 7, 3, 11, 2, 8, 6], [1, 200], [1, 3, 3, 3], [1])


@pytest.fixture(scope="module")
def wide(small_image: Image) -> CompiledLibrary:
    return library_for("csim", small_image, lanes=LANES)


@pytest.fixture
def backend(
    tmp_path: Path, device: Any, small_image: Image, wide: CompiledLibrary, board: Board
) -> Iterator[MachineBackend]:
    folder = tmp_path / "wide"
    write_simulated_overlay(folder, wide.path, wide.config.to_mapping(), board)
    machine = open_board(folder, device, 5)
    yield MachineBackend(small_image, machine, wide.config)
    machine.close()


@pytest.fixture(scope="module")
def golden(small_image: Image) -> Backend:
    return load(small_image.path, backend="golden").backend


def alone(golden: Backend, prompt: list[int], count: int) -> list[int]:
    golden.reset()
    tokens, given = [], prompt
    for _ in range(count):
        tokens.append(int(np.argmax(golden.prefill(given).ranking)))
        given = tokens[-1:]
    return tokens


def together(lanes: Lanes, count: int) -> list[list[int]]:
    """Greedy tokens of all prompts, which advance in the same runs."""
    for lane in range(LANES):
        lanes.reset(lane)
    tokens: list[list[int]] = [[] for _ in PROMPTS]
    given = [list(prompt) for prompt in PROMPTS]
    for _ in range(count):
        lanes.advance(range(LANES), given)
        for lane in range(LANES):
            tokens[lane].append(int(np.argmax(lanes.scores(lane).ranking)))
        given = [items[-1:] for items in tokens]
    return tokens


def test_several_prompts_at_once(backend: MachineBackend, golden: Backend) -> None:
    found = together(backend.lanes(LANES), 3)
    assert found == [alone(golden, prompt, 3) for prompt in PROMPTS]


def test_a_prompt_goes_through_all_lanes(
    backend: MachineBackend, golden: Backend, device: Any
) -> None:
    prompt = PROMPTS[0]
    before = device.engines["weights_0"].transfers
    scores = backend.prefill(prompt)
    assert device.engines["weights_0"].transfers - before == -(-len(prompt) // LANES)
    golden.reset()
    assert np.array_equal(scores.ranking, golden.prefill(prompt).ranking)


def test_a_fault_between_loses_all_contexts_and_no_more(
    backend: MachineBackend, golden: Backend, device: Any
) -> None:
    lanes = backend.lanes(LANES)
    together(lanes, 1)
    device.engines["weights_0"].faults.error = SLAVE_ERROR
    with pytest.raises(DmaError):
        lanes.advance([0], [[5]])
    assert together(lanes, 2) == [alone(golden, prompt, 2) for prompt in PROMPTS]
