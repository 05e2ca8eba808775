# SPDX-License-Identifier: Apache-2.0
"""Weight packets: port p carries bytes 8 p to 8 p + 7 of every beat of the weight stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.config import BYTES_PER_PORT
from tritforge.language_model.wire.words import WORD, Words


def split_beats(beats: NDArray[np.uint8], ports: int) -> tuple[Words, ...]:
    """One packet for every port from beats (count, 8 * ports) uint8."""
    words = np.ascontiguousarray(beats).view(WORD)
    assert words.shape[-1] == ports, f"a beat is {BYTES_PER_PORT} bytes of every port"
    return tuple(np.ascontiguousarray(words[:, port]) for port in range(ports))


def join_words(words: Words) -> NDArray[np.uint8]:
    """Beats (count, 8 * ports) uint8 from words (count, ports), one column per port."""
    return np.ascontiguousarray(words).view(np.uint8)
