# SPDX-License-Identifier: Apache-2.0
"""How a process reads its packet: as many words as it needs, whatever the packet's length."""

from __future__ import annotations

import numpy as np

from tritforge.language_model.wire.words import WORD, Words


class PacketReader:
    """A packet that is read word by word; zeros follow its end, the rest is dropped.

    Attributes:
        taken: words asked for so far.
    """

    def __init__(self, words: Words) -> None:
        self.words = words
        self.taken = 0

    def take(self, count: int) -> Words:
        """The next `count` words, zeros after the end."""
        start, self.taken = self.taken, self.taken + count
        result = np.zeros(count, WORD)
        given = self.words[start : self.taken]
        result[: given.size] = given
        return result

    @property
    def early(self) -> bool:
        """The packet ended before the last word that was asked for."""
        return self.words.size < self.taken

    @property
    def late(self) -> bool:
        """The packet goes on after the last word that was asked for."""
        return self.words.size > self.taken

    def length_bits(self) -> list[int]:
        """Early and late, as the two bits of a status word."""
        return [int(self.early), int(self.late)]
