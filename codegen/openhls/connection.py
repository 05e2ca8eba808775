# SPDX-License-Identifier: Apache-2.0
"""A FIFO between two processes, as data."""

from __future__ import annotations

from dataclasses import dataclass

#: Module of hls/rtl.
FIFO_MODULE = "tritforge_fifo"


@dataclass(frozen=True)
class Connection:
    """A FIFO from an output stream of one process to an input stream of another.

    Attributes:
        depth: words of the FIFO.
    """

    source: str
    source_stream: str
    target: str
    target_stream: str
    depth: int = 2

    @property
    def source_end(self) -> str:
        """The stream that is written."""
        return f"{self.source}.{self.source_stream}"

    @property
    def target_end(self) -> str:
        """The stream that is read."""
        return f"{self.target}.{self.target_stream}"
