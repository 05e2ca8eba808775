# SPDX-License-Identifier: Apache-2.0
"""The simulated board's memory for DMA buffers."""

from __future__ import annotations

import pytest

from pynq_driver.simulated_board.dma_engine import UnmappedAddressError
from pynq_driver.simulated_board.memory import ContiguousMemoryModel


def test_pages_are_taken_and_given_back() -> None:
    memory = ContiguousMemoryModel(0x1000_0000, 5 * 4096)
    first, second, third = (memory.take(size) for size in (1, 4097, 4096))
    assert [item.address - memory.base for item in (first, second, third)] == [0, 4096, 12288]
    assert memory.free == 4096
    with pytest.raises(RuntimeError, match="Failed to allocate"):
        memory.take(4097)
    memory.give_back(second)
    assert memory.take(8192).address == second.address
    assert [item.address for item in memory.objects()] == sorted(
        item.address for item in memory.objects()
    )


def test_words_lie_within_one_buffer() -> None:
    memory = ContiguousMemoryModel(0x1000_0000, 1 << 16)
    item = memory.take(64)
    words = memory.words(item.address + 8, 7)
    words[:] = range(7)
    assert item.dram.view("<u8").tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    for address, count in ((item.address + 8, 8), (item.address - 8, 1), (0, 1)):
        with pytest.raises(UnmappedAddressError):
            memory.words(address, count)
