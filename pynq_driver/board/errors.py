# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a board, one class for each remedy."""

from __future__ import annotations

from pynq_driver.devices.device import NoProgressError
from tritforge.errors import TritforgeError


class BoardError(TritforgeError):
    """Something on the board, or between host and board, is not as it must be."""


class OverlayFilesError(BoardError):
    """The files of an overlay are missing, damaged, or not of one build."""


class OverlayMismatchError(BoardError):
    """What was loaded is another overlay than its files promise."""


class PynqError(BoardError):
    """PYNQ is missing, does not fit NumPy, or finds no board."""


class ClockError(BoardError):
    """The fabric runs at another clock than the overlay was built for."""


class ContiguousMemoryError(BoardError):
    """The memory for DMA buffers (CMA) does not suffice."""


class BoardBusyError(BoardError):
    """Another process uses the board."""


class BoardLostError(BoardError):
    """The board does not answer any more."""


class DmaError(BoardError):
    """A DMA engine stopped with an error; it has been reset."""


class InterruptError(BoardError):
    """The interrupt of the fabric cannot be used."""


class BoardTimeoutError(NoProgressError):
    """A run did not end in time; DMA engines and machine have been reset."""


class InterruptLostError(BoardTimeoutError):
    """A run ended, and its interrupt did not come."""
