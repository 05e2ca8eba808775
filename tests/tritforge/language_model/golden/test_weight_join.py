# SPDX-License-Identifier: Apache-2.0
"""Weight join: columns of beats, zeros after an early end, and how each packet ended."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.golden.headers import WeightHeader
from tritforge.language_model.golden.weight_join import join_weights
from tritforge.language_model.packing import pack_matrix
from tritforge.language_model.wire.weight_packets import join_words, split_beats

#: Six beats and four beats, then the end of the run, whose counts are nothing.
HEADERS = [WeightHeader(0, 3, 2), WeightHeader(0, 1, 4), WeightHeader(1, 9, 9)]
BEATS = 10


def packet(length: int, first: int = 1) -> np.ndarray:
    return np.arange(first, first + length, dtype=np.uint64)


def test_ports_lie_side_by_side() -> None:
    joined = join_weights([packet(BEATS), packet(BEATS, 101)], HEADERS)
    assert joined.beats.tolist() == [[1 + beat, 101 + beat] for beat in range(BEATS)]
    assert joined.status == [0, 0, 0, 0]


@pytest.mark.parametrize("port", [0, 1])
def test_after_an_early_end_come_zeros_on_that_port_alone(port: int) -> None:
    packets = [packet(BEATS), packet(BEATS)]
    packets[port] = packet(7)
    joined = join_weights(packets, HEADERS)
    assert joined.beats[:, port].tolist() == [1, 2, 3, 4, 5, 6, 7, 0, 0, 0]
    assert joined.beats[:, 1 - port].tolist() == list(range(1, BEATS + 1))
    assert joined.status == [int(index == 2 * port) for index in range(4)]


def test_words_too_many_are_dropped_and_reported_as_late() -> None:
    joined = join_weights([packet(BEATS + 1)], HEADERS)
    assert joined.beats[:, 0].tolist() == list(range(1, BEATS + 1))
    assert joined.status == [0, 1]
    nothing = join_weights([packet(2)], [WeightHeader(1)])
    assert nothing.beats.shape == (0, 1) and nothing.status == [0, 1]


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_a_packed_matrix_comes_back(ports: int) -> None:
    trits = np.random.default_rng(ports).integers(-1, 2, (50, 33)).astype(np.int8)
    beats = pack_matrix(trits, 8 * ports).reshape(-1, 8 * ports)
    joined = join_weights(split_beats(beats, ports), [WeightHeader(0, 1, len(beats))])
    assert np.array_equal(join_words(joined.beats), beats)
    assert not any(joined.status)
