# SPDX-License-Identifier: Apache-2.0
"""Opening backend `mpi` in every process that `mpirun` has started."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable

from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.pipeline.backend import (
    DEFAULT_TIMEOUT,
    TIMEOUT_VARIABLE,
    Pipeline,
    PipelineBackend,
)
from pynq_driver.language_model.pipeline.follower import Follower, report_failure
from pynq_driver.language_model.pipeline.messages import Channel, Ready
from pynq_driver.language_model.pipeline.ranks import MpiRanks, Ranks
from pynq_driver.language_model.pipeline.stage import Stage, open_stage
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart, split_model


def open_pipeline(
    image: Image,
    threads: int | None = None,
    ranks: Ranks | None = None,
    open_part: Callable[[Image, ModelPart, int | None], Stage] = open_stage,
) -> Backend:
    """The backend, in the process of rank 0; the others work for it and end here.

    Args:
        image: the same on all boards.
        threads: of each board; default: all that the process may use.
        ranks: this board and the others; default: those of MPI.
        open_part: opens the part of a board.

    Raises:
        BoardSilentError: a board does not come.
        PipelineError: MPI is missing, or a board cannot open its part of the image.
        ConfigurationError: there are more boards than layers.
        SystemExit: this is not rank 0, and the run is over.
    """
    timeout = _timeout()
    ranks = MpiRanks() if ranks is None else ranks
    if len(ranks.names) == 1:
        raise ConfigurationError(
            "backend mpi needs two boards or more: mpirun -n 2 tritforge … (docs/boards.md)"
        )
    parts = split_model(image.header, len(ranks.names))
    if ranks.rank > 0:
        _follow(ranks, image, lambda: open_part(image, parts[ranks.rank], threads))
        raise SystemExit(0)
    stage = open_part(image, parts[0], threads)
    pipeline = Pipeline(ranks, stage, timeout)
    atexit.register(pipeline.close)
    pipeline.wait_until_ready(_identity(image))
    return PipelineBackend(pipeline, len(ranks.names))


def _follow(ranks: Ranks, image: Image, open_part: Callable[[], Stage]) -> None:
    try:
        stage = open_part()
    except TritforgeError as error:
        report_failure(ranks, str(error))
        raise
    ranks.send(0, Channel.ANSWER, Ready(ranks.rank, _identity(image)))
    Follower(ranks, stage).serve()


def _identity(image: Image) -> str:
    """Tells images apart: header, and the hash of every section."""
    return repr((image.header, sorted(image.sections.items())))


def _timeout() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, str(DEFAULT_TIMEOUT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise ConfigurationError(f"{TIMEOUT_VARIABLE}={text!r}: give seconds above 0")
    return seconds
