# SPDX-License-Identifier: Apache-2.0
"""Weight join: the words of all weight ports side by side, exactly as many as operations need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tritforge.language_model.golden.headers import WeightHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.wire.words import WORD, Words


class JoinedWeights(NamedTuple):
    """What a run of the weight join sends.

    Attributes:
        beats: words (beats, ports); column p is what port p brought, zeros after its packet's end.
        status: early and late of port 0, of port 1, and so on, as 0 or 1.
    """

    beats: Words
    status: list[int]


def join_weights(packets: Sequence[Words], headers: Iterable[WeightHeader]) -> JoinedWeights:
    """Beats of all operations of a run.

    Args:
        packets: one for every port, of any lengths.
        headers: of the operations, in order; the one that ends the run counts nothing.
    """
    needed = sum(header.beats * header.tiles for header in headers if not header.end)
    readers = [PacketReader(packet) for packet in packets]
    columns = [reader.take(needed) for reader in readers]
    beats = np.stack(columns, axis=-1).astype(WORD)
    return JoinedWeights(beats, [bit for reader in readers for bit in reader.length_bits()])
