# SPDX-License-Identifier: Apache-2.0
"""What the boards of a pipeline say to each other.

Work goes from board to board, and what belongs to it in the same order. Questions go straight from
the first board to the one that knows, answers straight back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.sampler import Sampler

#: Residuals (tokens, dim) int32, or ids of tokens.
Inputs = tuple[NDArray[np.int32], ...]


class Channel(IntEnum):
    """MPI tag of a message."""

    CHAIN = 1  # from a board to the next one
    QUESTION = 2  # from the first board
    ANSWER = 3  # to the first board


@dataclass(frozen=True)
class Work:
    """Streams advance by inputs of their own.

    Attributes:
        number: counts from 1.
        inputs: per stream; residuals after the first board.
    """

    number: int
    streams: tuple[int, ...]
    inputs: Inputs


@dataclass(frozen=True)
class Forget:
    """A stream is over."""

    stream: int


@dataclass(frozen=True)
class CountSaturations:
    """Each board adds those of a stream; the last one answers.

    Attributes:
        counts: signal -> elements that saturated so far.
    """

    number: int
    stream: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Stop:
    """The run is over."""


@dataclass(frozen=True)
class Ping:
    """Is this board alive?"""

    number: int


@dataclass(frozen=True)
class UseSampler:
    """How the tokens of a stream are chosen from now on."""

    stream: int
    sampler: Sampler


@dataclass(frozen=True)
class AskToken:
    """The token to follow the last one of a stream, once work number `after` is done."""

    number: int
    after: int
    stream: int


@dataclass(frozen=True)
class AskScores:
    """The scores after the last token of a stream, once work number `after` is done."""

    number: int
    after: int
    stream: int


@dataclass(frozen=True)
class Answer:
    """To the question of that number."""

    number: int
    value: Any


@dataclass(frozen=True)
class Ready:
    """A board has its part of the model.

    Attributes:
        image: what tells images apart.
    """

    rank: int
    image: str


@dataclass(frozen=True)
class Failure:
    """A board cannot go on."""

    rank: int
    text: str
