# SPDX-License-Identifier: Apache-2.0
"""On-chip memories: block RAMs by shape, and that the usual machine fits its part."""

from __future__ import annotations

import pytest

from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.machine.memory import (
    BYTES_OF_HALF_BLOCK,
    HALF_BLOCK_SHAPES,
    OnChipMemory,
    block_rams,
    memories,
)
from tritforge.ivit.shape import PRESETS, preset


@pytest.mark.parametrize(
    ("words", "bits", "half_blocks"),
    [
        (64, 100, 0),
        (512, 36, 1),
        (513, 36, 2),
        (2048, 9, 1),
        (2049, 8, 2),
        (960, 8, 1),
        (300, 70, 2),
    ],
)
def test_half_blocks(words: int, bits: int, half_blocks: int) -> None:
    memory = OnChipMemory("m", 3, words, bits, "")
    assert memory.half_blocks == 3 * half_blocks
    assert memory.bytes == -(-3 * words * bits // 8)


def test_shapes_are_those_of_a_half_block() -> None:
    for words, bits in HALF_BLOCK_SHAPES:
        assert words * bits in (8 * BYTES_OF_HALF_BLOCK, 8 * 2048)


@pytest.mark.parametrize("name", PRESETS)
def test_blocks_hold_what_the_memories_hold(name: str) -> None:
    for memory in memories(machine_for(PRESETS[name])):
        if memory.half_blocks:
            assert memory.bytes <= memory.half_blocks * BYTES_OF_HALF_BLOCK


def test_deit_tiny_fits_an_xc7z020() -> None:
    config = machine_for(preset("deit-tiny"))
    budget = config.board_data.budget
    assert block_rams(config) <= budget.bram36
    assert sum(item.bytes for item in memories(config)) <= 630_000
    assert config.array_multipliers <= budget.dsp
