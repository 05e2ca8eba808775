# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pynq_driver.devices.device import Words
from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.words import MachineWords
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.config import TOP_K
from tritforge.language_model.image import Image
from tritforge.language_model.packing import unpack_matrix
from tritforge.language_model.program import operation_shapes
from tritforge.language_model.wire.output_packet import NO_TOKEN


def weight_ports(image: Image, ports: int | None = None) -> list[Words]:
    config = config_for(image) if ports is None else config_for(image, ports=ports)
    model = MachineWords(config, image).model()
    assert list(model) == [*(f"weights_{port}" for port in range(config.ports)), "parameters"]
    assert np.array_equal(model["parameters"].view(np.uint8), image.parameter_stream)
    return [model[f"weights_{port}"] for port in range(config.ports)]


def test_weight_ports_put_together_are_the_weight_section(small_image: Image) -> None:
    words = weight_ports(small_image)
    assert len(words) == 2
    together = np.stack(words, axis=1).reshape(-1).view(np.uint8)
    assert np.array_equal(together, small_image.weight_stream)


@pytest.mark.parametrize("ports", [1, 4])
def test_an_image_for_other_ports_is_packed_again(small_image: Image, ports: int) -> None:
    words = weight_ports(small_image, ports)
    stream = np.stack(words, axis=1).reshape(-1).view(np.uint8)
    position = 0
    items = [item for item in operation_shapes(small_image.header.shape) if item.matrices]
    for item, packed in zip(items, small_image.weights()):
        beats = -(-item.inputs // 5)
        shape = (-(-item.rows // (8 * ports)), item.matrices, beats, 8 * ports)
        size = int(np.prod(shape))
        again = stream[position : position + size].reshape(shape)
        position += size
        for matrix in range(item.matrices):
            assert np.array_equal(
                unpack_matrix(again[:, matrix], item.rows, item.inputs),
                unpack_matrix(packed[:, matrix], item.rows, item.inputs),
            )
        assert not again.transpose(0, 3, 1, 2).reshape(-1, *shape[1:3])[item.rows :].any()
    assert position == stream.size


def test_input_travels_in_element_order(small_image: Image) -> None:
    # 72 elements in tiles of 16: four and a half tiles.
    words = MachineWords(config_for(small_image, lanes=4), small_image).input([7, 3, 5])
    residuals = words.view("<i4")
    assert residuals.size == 5 * 4 * 16
    fraction = small_image.header.residual_fraction
    table = small_image.embedding.residuals(np.arange(8), fraction)
    assert list(residuals[:16]) == list(table[7, :16])
    assert list(residuals[16:32]) == list(table[3, :16])
    assert list(residuals[64:80]) == list(table[7, 16:32])
    assert list(residuals[4 * 64 + 32 :][:16]) == [*table[5, 64:72], *[0] * 8]
    assert not residuals[48:64].any(), "a lane without a token carries zeros"


@pytest.mark.parametrize("tokens", [[300], [-1]])
def test_tokens_outside_the_vocabulary_are_refused(small_image: Image, tokens: list[int]) -> None:
    with pytest.raises(IndexError):
        MachineWords(config_for(small_image), small_image).input(tokens)


def test_command_bits(small_image: Image) -> None:
    words = MachineWords(config_for(small_image, lanes=4), small_image)
    command = words.command(prefill=True, all_logits=False, fresh=(0,), hold=(2, 3))
    assert command == 0b1100_0001_01
    command = words.command(prefill=False, all_logits=True, fresh=range(4))
    assert command == 0b0000_1111_10


def word(low: int, high: int) -> int:
    return (low & 0xFFFFFFFF) | (high & 0xFFFFFFFF) << 32


def test_output_is_decoded(small_image: Image) -> None:
    words = MachineWords(config_for(small_image, lanes=2, ports=1), small_image)
    # Row r of lane b: logit -(1000 b + r), accumulator 1000 b + r; 300 rows in tiles of 8.
    sent = [
        word(-(1000 * lane + row), 1000 * lane + row)
        for tile in range(0, 300, 8)
        for lane in (0, 1)
        for row in range(tile, min(tile + 8, 300))
    ]
    sent += [word(-lane - rank, 299 - rank) for lane in (0, 1) for rank in range(TOP_K - 1)]
    sent[-TOP_K + 1 : -TOP_K + 1] = [word(0, -1)]
    sent += [word(7, 1)]
    board = words.scoreboard(np.array(sent, np.uint64), all_logits=True)
    assert board.logits is not None and board.accumulators is not None
    assert np.array_equal(board.accumulators, [np.arange(300), 1000 + np.arange(300)])
    assert np.array_equal(board.logits, -board.accumulators)
    first = list(range(299, 299 - TOP_K + 1, -1))
    assert board.best_tokens.tolist() == [[*first, NO_TOKEN], [*first, 1]]
    assert board.best_logits[1].tolist() == [*range(-1, -TOP_K, -1), 7]
    short = words.scoreboard(np.array(sent[-2 * TOP_K :], np.uint64), all_logits=False)
    assert short.logits is None and short.best_tokens.tolist() == board.best_tokens.tolist()
    with pytest.raises(TritforgeError, match="615 output words instead of 616"):
        words.scoreboard(np.array(sent[1:], np.uint64), all_logits=True)


@pytest.mark.parametrize("name", ["dim", "layers", "glu_width", "vocabulary"])
def test_an_image_that_is_too_large_is_refused(small_image: Image, name: str) -> None:
    size = getattr(small_image.header.shape, name)
    with pytest.raises(ConfigurationError, match=f"needs {name} = {size}"):
        MachineWords(config_for(small_image, **{name: size - 1}), small_image)
