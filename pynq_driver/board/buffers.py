# SPDX-License-Identifier: Apache-2.0
"""Buffers that DMA engines reach, one for each stream, kept from run to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pynq_driver.board.errors import ContiguousMemoryError
from pynq_driver.board.host import HostFiles, contiguous_memory
from pynq_driver.devices.device import Words

_MEGABYTE = 1 << 20
_RAISE = (
    "add cma={size}M to the kernel's command line (on PYNQ images: bootargs in "
    "/boot/uEnv.txt or boot.scr, then reboot), or close other notebooks"
)


class StreamBuffers:
    """DMA buffers by stream name."""

    def __init__(self, allocate: Callable[..., Any], files: HostFiles) -> None:
        """
        Args:
            allocate: `pynq.allocate`, bound to the device.
        """
        self._allocate = allocate
        self._files = files
        self._buffers: dict[str, Any] = {}
        self._constant: dict[str, Words] = {}

    def to_send(self, stream: str, words: Words) -> Any:
        """A buffer with these words; a read-only array that was sent before is there already.

        Raises:
            ContiguousMemoryError: there is no room.
        """
        if self._constant.get(stream) is words:
            return self._buffers[stream]
        self._constant.pop(stream, None)
        buffer = self._sized(stream, words.size)
        buffer[:] = words
        if not words.flags.writeable:
            # Written once: flushing megabytes of cache before every transfer would be for nothing.
            buffer.flush()
            buffer.coherent = True
            self._constant[stream] = words
        return buffer

    def to_receive(self, stream: str, words: int) -> Any:
        """A buffer with room for so many words.

        Raises:
            ContiguousMemoryError: there is no room.
        """
        return self._sized(stream, words)

    def free(self) -> None:
        """Give all buffers back."""
        self._constant.clear()
        while self._buffers:
            self._buffers.popitem()[1].freebuffer()

    def _sized(self, stream: str, words: int) -> Any:
        buffer = self._buffers.get(stream)
        if buffer is not None and buffer.size == words and not buffer.coherent:
            return buffer
        if buffer is not None:
            self._buffers.pop(stream).freebuffer()
        self._buffers[stream] = self._new(stream, words)
        return self._buffers[stream]

    def _new(self, stream: str, words: int) -> Any:
        try:
            return self._allocate((words,), np.uint64)
        except (RuntimeError, MemoryError, OSError) as error:
            raise self._no_room(stream, words * 8, error) from None

    def _no_room(self, stream: str, needed: int, error: Exception) -> ContiguousMemoryError:
        memory = contiguous_memory(self._files)
        held = sum(buffer.nbytes for buffer in self._buffers.values())
        has = "Linux does not say how much is free"
        size = _rounded(held + needed)
        if memory.total is not None and memory.free is not None:
            missing = max(needed - memory.free, 0)
            has = (
                f"{memory.free / _MEGABYTE:.1f} MB of {memory.total / _MEGABYTE:.0f} MB are free, "
                f"{missing / _MEGABYTE:.1f} MB are missing"
            )
            size = _rounded(memory.total - memory.free + needed)
        return ContiguousMemoryError(
            f"no DMA memory (CMA) for {needed / _MEGABYTE:.1f} MB of stream {stream}: {has} "
            f"({error}); {_RAISE.format(size=size)}"
        )


def _rounded(size: int) -> int:
    """Megabytes for `cma=`, with an eighth to spare, a multiple of 16."""
    return -(-(size + size // 8) // (16 * _MEGABYTE)) * 16
