# SPDX-License-Identifier: Apache-2.0
"""--waveform: where the signals of Verilated RTL are written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.backends.machine import MachineBackend
from tritforge.errors import TritforgeError
from tritforge.whole_file import whole_file

SUFFIX = ".vcd"


def add_waveform_argument(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, what: str
) -> None:
    """--waveform FILE; `what` it does, for --help."""
    parser.add_argument(
        "--waveform",
        type=Path,
        metavar="FILE",
        help=f"{what} to FILE ({SUFFIX}, for GTKWave or Surfer; two units of time are a cycle)",
    )


def check_waveform(path: Path) -> None:
    """Refuse a file that cannot be written, before the long work starts.

    Raises:
        TritforgeError: another suffix, no such folder, or no right to write there.
    """
    target = Path(os.path.realpath(path))
    folder = target.parent
    if path.suffix != SUFFIX:
        raise TritforgeError(f"--waveform {path}: give a name that ends in {SUFFIX}")
    if not folder.is_dir():
        raise TritforgeError(f"--waveform {path}: there is no folder {folder}")
    is_special = target.exists() and not target.is_file()
    is_circle = target.is_symlink()  # of links, which have no end
    if is_circle or target.is_dir() or not os.access(target if is_special else folder, os.W_OK):
        raise TritforgeError(f"--waveform {path}: cannot be written, choose another place")


@contextmanager
def waveform_file(path: Path) -> Iterator[Path]:
    """`whole_file`, but a waveform of a run that failed is what shows why, so it is kept too.

    Raises:
        TritforgeError: that of the block, which says that there is a waveform.
    """
    failure = None
    with whole_file(path) as part:
        try:
            yield part
        except TritforgeError as error:
            if not part.stat().st_size:
                raise
            failure = error
    if failure is not None:
        raise TritforgeError(f"{failure}\nThe waveform up to there is {path}") from failure


@contextmanager
def machine_waveform(backend: Backend, path: Path | None) -> Iterator[None]:
    """Write what a machine does in the block to `path`; None: nothing.

    Args:
        backend: `rtl`, with a machine that was built with waveforms.
    """
    if path is None:
        yield
        return
    assert isinstance(backend, MachineBackend) and isinstance(backend.device, CompiledMachine)
    with waveform_file(path) as part:
        backend.device.trace(part)
        try:
            yield
        finally:
            backend.device.trace(None)
