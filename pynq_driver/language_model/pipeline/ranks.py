# SPDX-License-Identifier: Apache-2.0
"""The boards of a pipeline as MPI numbers them: messages to one, and whatever has come."""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

from pynq_driver.language_model.pipeline.errors import PipelineError
from pynq_driver.language_model.pipeline.messages import Channel
from tritforge.errors import install_command

_PAUSE = 1e-3


class Ranks(Protocol):
    """This board among the others.

    Attributes:
        rank: its number, from 0.
        names: of all boards.
    """

    rank: int
    names: tuple[str, ...]

    def send(self, rank: int, channel: Channel, message: Any) -> None:
        """Send without waiting for anybody."""

    def poll(self) -> Any | None:
        """The next message that has come, or None; those of one sender and channel in order."""

    def settle(self, seconds: float) -> None:
        """Wait until all that was sent has been taken, or so many seconds."""

    def abort(self) -> None:
        """End the run on all boards, this one included."""


class MpiRanks:
    """Boards that `mpirun` has started."""

    def __init__(self) -> None:
        """
        Raises:
            PipelineError: mpi4py or an MPI library is missing.
        """
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise PipelineError(
                f"MPI is not here ({error}): {install_command('mpi')}; on a board: "
                "apt install openmpi-bin libopenmpi-dev && pip install mpi4py"
            ) from None
        self._mpi = MPI
        self._world = MPI.COMM_WORLD
        self.rank = int(self._world.rank)
        self.names: tuple[str, ...] = tuple(self._world.allgather(MPI.Get_processor_name()))
        # Requests keep their messages alive until MPI has taken them.
        self._sending: list[Any] = []
        self._lock = threading.Lock()

    def send(self, rank: int, channel: Channel, message: Any) -> None:
        """As `Ranks.send`."""
        with self._lock:
            self._sending = [item for item in self._sending if not item.Test()]
            self._sending.append(self._world.isend(message, dest=rank, tag=channel))

    def poll(self) -> Any | None:
        """As `Ranks.poll`."""
        with self._lock:
            self._sending = [item for item in self._sending if not item.Test()]
            found = self._world.improbe(source=self._mpi.ANY_SOURCE, tag=self._mpi.ANY_TAG)
            return None if found is None else found.recv()

    def settle(self, seconds: float) -> None:
        """As `Ranks.settle`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._lock:
                self._sending = [item for item in self._sending if not item.Test()]
                if not self._sending:
                    return
            time.sleep(_PAUSE)

    def abort(self) -> None:
        """As `Ranks.abort`."""
        self._world.Abort(1)
