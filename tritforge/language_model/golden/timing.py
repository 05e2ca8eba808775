# SPDX-License-Identifier: Apache-2.0
"""Steps that the processes take, as the `Timing` paragraph of each header in hls/include says.

A step is one call of the process, one clock cycle in hardware where nothing has to wait. No bit of
a result depends on these numbers; the test benches run exactly so many steps.
"""

from __future__ import annotations

from collections.abc import Iterable

from tritforge.language_model.config import TOP_K, AcceleratorConfig
from tritforge.language_model.golden.headers import WeightHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.sequencer import RECORD_WORDS, Directions
from tritforge.language_model.packing import row_tiles
from tritforge.ternary_code import TRITS_PER_BYTE, bytes_per_row

#: Steps of a record besides those of its words: four to check, one to issue or to discard.
_RECORD_STEPS = 5
#: Steps between the elements of a tile and those of the next matrix, or more.
_ELEMENT_BUFFER_STEPS = 24


def _to_drop(taken: int, lengths: Iterable[int]) -> int:
    """Steps of the end of a run: one more than there are words to drop, and two at least."""
    return 1 + max(max(length - taken, 1) for length in lengths)


def _elements(vector: int, config: AcceleratorConfig) -> int:
    """Steps of vectors of that length, one element per step, padding included."""
    return row_tiles(vector, config.rows_per_beat) * config.rows_per_beat * config.lanes


def sequencer_steps(sent: Directions) -> int:
    """Steps of a run whose commands, status words and results never wait."""
    payload = sum(len(item.gains) + len(item.lower_bounds) for item in sent.payloads)
    records = sent.records * (RECORD_WORDS + _RECORD_STEPS)
    dropping = _to_drop(sent.packet.taken, [sent.packet.words.size])
    return 1 + records + payload + dropping + 1


def weight_join_steps(headers: Iterable[WeightHeader], lengths: Iterable[int]) -> int:
    """Steps of a run: one beat per step.

    Args:
        lengths: words of every port's packet.
    """
    beats = [header.beats * header.tiles for header in headers if not header.end]
    return len(beats) + sum(beats) + _to_drop(sum(beats), lengths)


def vector_unit_steps(
    lengths: Iterable[int], packet: PacketReader, config: AcceleratorConfig
) -> int:
    """Steps of a run with vectors of these lengths: one element per step."""
    dropping = _to_drop(packet.taken, [packet.words.size])
    return sum(1 + _elements(length, config) for length in lengths) + dropping


def quantiser_steps(inputs: int, consumers: int, config: AcceleratorConfig) -> int:
    """Steps of an operation whose requests are answered at once.

    A group of five columns is stored in as many steps as there are consumers; where a lane's group
    is complete before that of the lane before it is stored, it has to wait.
    """
    rows, step, stored = config.rows_per_beat, 0, 0
    for tile in range(row_tiles(inputs, rows)):
        for _ in range(config.lanes):
            for element in range(rows * tile, rows * (tile + 1)):
                last = element == inputs - 1
                completes = last or element % TRITS_PER_BYTE == TRITS_PER_BYTE - 1
                if completes and element < inputs:
                    step = max(step, stored)
                    stored = step + consumers
                step += 1
    return 1 + step + consumers * config.lanes + consumers * (config.lanes + bytes_per_row(inputs))


def dequantiser_steps(operations: Iterable[tuple[int, int, int]], config: AcceleratorConfig) -> int:
    """Steps of a run of operations, each (consumers, matrices, rows), and of its end."""
    return 1 + sum(
        1 + consumers * config.lanes + matrices * _elements(rows, config)
        for consumers, matrices, rows in operations
    )


def element_unit_steps(operations: Iterable[tuple[int, int]], config: AcceleratorConfig) -> int:
    """Steps of a run of operations, each (matrices, rows), and of its end."""
    wait = max(0, _ELEMENT_BUFFER_STEPS - config.rows_per_beat * config.lanes)
    return 1 + sum(
        1
        + matrices * _elements(rows, config)
        + (matrices - 1) * row_tiles(rows, config.rows_per_beat) * wait
        for matrices, rows in operations
    )


def head_steps(tokens: int, config: AcceleratorConfig) -> int:
    """Steps of a run with so many tokens; 0 tokens: a run that was given up."""
    if not tokens:
        return 1
    return 1 + _elements(tokens, config) + TOP_K * config.lanes + 1
