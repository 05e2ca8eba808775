# SPDX-License-Identifier: Apache-2.0
"""The golden machine against the golden model: the same numbers, by words and through lanes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.words import MachineWords
from tritforge.error_code import ErrorCode
from tritforge.language_model.golden.machine import GoldenMachine
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.words import Words

TOKENS = ((5, 17, 250), (3, 99, 299), (0, 42, 5))


def packets_of(words: MachineWords) -> tuple[tuple[Words, ...], Words]:
    """Weights of every port, and parameters."""
    model = words.model()
    return tuple(model[f"weights_{port}"] for port in range(words.ports)), model["parameters"]


class Bench:
    """A golden machine with the packets of an image."""

    def __init__(self, image: Image, lanes: int, states: int, ports: int = 2) -> None:
        self.config = config_for(image, lanes=lanes, states=states, ports=ports)
        self.words = MachineWords(self.config, image)
        self.weights, self.parameters = packets_of(self.words)
        self.machine = GoldenMachine(self.config)

    def run(
        self, command: Command, tokens: tuple[int, ...], parameters: Words | None = None
    ) -> tuple[Words, ErrorCode]:
        given = self.parameters if parameters is None else parameters
        packet = self.words.input(tokens)
        output, outcome = self.machine.run(command, self.weights, given, packet)
        return output, outcome.error


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_lanes_are_the_streams_of_the_models_batch(small_image: Image, ports: int) -> None:
    bench, model = Bench(small_image, 3 + 1, 4, ports), GoldenModel(small_image)
    state = model.new_state(4)
    for index, tokens in enumerate(TOKENS):
        command = Command(all_logits=1, fresh=0b1111 * (index == 0), hold=0b1000)
        output, error = bench.run(command, tokens)
        accumulators, logits = model.step(state, np.array([*tokens, 0]))
        board = bench.words.scoreboard(output, all_logits=True)
        assert error is ErrorCode.NONE
        assert np.array_equal(board.logits[:3], logits[:3])
        assert np.array_equal(board.accumulators[:3], accumulators[:3])
        assert np.array_equal(board.best_tokens[:3, 0], accumulators[:3].argmax(-1))


def test_tokens_of_a_prompt_go_through_the_lanes(small_image: Image) -> None:
    bench, model = Bench(small_image, 2, 1), GoldenModel(small_image)
    state, prompt = model.new_state(), (7, 8, 9, 10)
    expected = [model.step(state, np.array([token]))[1][0] for token in prompt]
    for start in (0, 2):
        command = Command(prefill=1, all_logits=1, fresh=int(start == 0))
        output, _ = bench.run(command, prompt[start : start + 2])
        board = bench.words.scoreboard(output, all_logits=True)
        assert np.array_equal(board.logits, expected[start : start + 2])


def test_a_bad_program_sends_one_word_and_the_next_run_is_right(small_image: Image) -> None:
    bench = Bench(small_image, 1, 1)
    first, _ = bench.run(Command(fresh=1), (5,))
    for position in (0, 8, bench.parameters.size // 2):
        damaged = bench.parameters.copy()
        damaged[position:] ^= np.uint64(0xFFFF)
        output, error = bench.run(Command(fresh=1), (5,), damaged)
        if error is not ErrorCode.NONE:
            assert output.tolist() == [0]
    cut = bench.parameters[: bench.parameters.size // 2]
    output, error = bench.run(Command(fresh=1), (5,), cut)
    assert (output.tolist(), error) == ([0], ErrorCode.STREAM_LENGTH)
    again, error = bench.run(Command(fresh=1), (5,))
    assert error is ErrorCode.NONE and np.array_equal(again, first)


def test_a_smaller_model_runs_on_a_larger_machine(small_image: Image) -> None:
    shape = small_image.header.shape
    larger = {
        "dim": shape.dim + 9,
        "layers": shape.layers + 1,
        "glu_width": shape.glu_width + 5,
        "vocabulary": shape.vocabulary + 3,
    }
    config = config_for(small_image, **larger)
    words = MachineWords(config, small_image)
    machine, exact = GoldenMachine(config), Bench(small_image, 1, 1)
    for token in (3, 1, 4):
        command = dataclasses.replace(Command(all_logits=1), fresh=int(token == 3))
        output, _ = machine.run(command, *packets_of(words), words.input([token]))
        assert np.array_equal(output, exact.run(command, (token,))[0])
