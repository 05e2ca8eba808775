# SPDX-License-Identifier: Apache-2.0
"""DRAM that is reserved for DMA buffers (CMA), with the processor's caches in front of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynq_driver.simulated_board.dma_engine import UnmappedAddressError, words_view

_PAGE = 4096


@dataclass
class BufferObject:
    """One allocation: what the processor sees, and what lies in DRAM.

    The two are equal after a flush (processor to DRAM) or an invalidation (DRAM to processor).

    Attributes:
        address: physical address.
        processor, dram: bytes as either sees them.
        buffer: the PYNQ buffer, while it lives.
    """

    address: int
    processor: NDArray[np.uint8]
    dram: NDArray[np.uint8]
    buffer: Callable[[], Any] = lambda: None


class ContiguousMemoryModel:
    """A memory from which contiguous pages are taken, first fit.

    Attributes:
        base: its physical address.
        size: its bytes.
    """

    def __init__(self, base: int, size: int) -> None:
        self.base, self.size = base, size
        self._objects: dict[int, BufferObject] = {}

    @property
    def free(self) -> int:
        """Bytes that are not taken."""
        return self.size - sum(_pages(item.dram.size) for item in self._objects.values())

    def objects(self) -> tuple[BufferObject, ...]:
        """All allocations, by address."""
        return tuple(self._objects[address] for address in sorted(self._objects))

    def take(self, size: int) -> BufferObject:
        """Allocate.

        Raises:
            RuntimeError: no gap is large enough; as PYNQ reports it.
        """
        address = self.base
        for start in sorted(self._objects):
            if start - address >= _pages(size):
                break
            address = start + _pages(self._objects[start].dram.size)
        if address + _pages(size) > self.base + self.size:
            raise RuntimeError(f"Failed to allocate Memory Region of {size} bytes")
        item = BufferObject(address, np.zeros(size, np.uint8), np.zeros(size, np.uint8))
        self._objects[address] = item
        return item

    def give_back(self, item: BufferObject) -> None:
        """Free an allocation."""
        self._objects.pop(item.address, None)

    def words(self, address: int, count: int) -> Any:
        """Words of DRAM, as an engine reaches them.

        Raises:
            UnmappedAddressError: the words are not all within one allocation.
        """
        for item in self._objects.values():
            offset = address - item.address
            if offset >= 0 and offset + 8 * count <= item.dram.size:
                return words_view(item.dram, offset, count)
        raise UnmappedAddressError(f"no buffer at {address:#x}")


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
