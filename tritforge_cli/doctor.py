# SPDX-License-Identifier: Apache-2.0
"""`tritforge doctor`: what goes wrong silently, and the remedy."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pynq_driver import EMBEDDED_MODEL
from pynq_driver.board.errors import PynqError
from pynq_driver.board.finding import find_overlay
from pynq_driver.board.host import HostFiles, contiguous_memory
from pynq_driver.board.opening import check_versions
from pynq_driver.board.overlay_files import read_overlay
from pynq_driver.language_model.backends.board import board_backend
from pynq_driver.language_model.backends.cpu import CpuBackend
from pynq_driver.language_model.known_answer import check_known_answer
from tritforge.errors import TritforgeError, install_command
from tritforge.language_model.image import Image, open_image
from tritforge.language_model.interface import NAME
from tritforge_cli.arguments import add_json_argument, add_overlay_argument, print_json

_OLDEST_PYTHON = (3, 10)
#: Tokens that every kernel of the engine computes.
_KNOWN_TOKENS = 4
OK, WARNING, REFUSED = "ok", "warning", "refused"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `detail` of what is refused ends with the remedy."""

    what: str
    status: str
    detail: str


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "doctor",
        help="look for what goes wrong silently",
        description="Check Python, NumPy and pynq, every kernel of the C++ engine by a known "
        "answer, the versions of the open flow's tools, the board's memory and permissions, and "
        "the overlay with its files, hashes, clock and tokens. Ends with status 1 if anything is "
        "refused.",
    )
    add_overlay_argument(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line for each finding."""
    findings = examine(open_image(EMBEDDED_MODEL), options.overlay)
    if options.json:
        print_json({"findings": [asdict(item) for item in findings]})
    else:
        for item in findings:
            print(f"{item.status:<8} {item.what:<24} {item.detail}")
    return int(any(item.status == REFUSED for item in findings))


def examine(image: Image, overlay: Path | None = None) -> list[Finding]:
    """Everything that is checked, in order."""
    findings = [_python(), _checked("pynq and NumPy", _pynq), *_kernels(image), *_tools()]
    if HostFiles().is_board():
        findings += [_permissions(), _memory(image)]
    try:
        given = find_overlay(NAME) if overlay is None else overlay
    except TritforgeError as error:
        return [*findings, Finding("overlay's files", REFUSED, str(error))]
    if given is not None:
        findings.append(_checked("overlay's files", lambda: _overlay_files(given)))
        if findings[-1].status == OK:
            findings.append(_checked("overlay", lambda: _overlay(image, given)))
    return findings


def _checked(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, OK, check())
    except TritforgeError as error:
        return Finding(what, REFUSED, str(error))


def _python() -> Finding:
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", REFUSED, f"{platform.python_version()}: install 3.10 or newer")
    return Finding("Python", OK, f"{platform.python_version()} on {platform.machine()}")


def _pynq() -> str:
    try:
        version = importlib.metadata.version("pynq")
    except importlib.metadata.PackageNotFoundError:
        if HostFiles().is_board():
            raise PynqError(
                "a board without pynq: use the Python of /usr/local/share/pynq-venv"
            ) from None
        return "pynq is not installed, and this is no board"
    check_versions()
    return f"pynq {version}"


def _kernels(image: Image) -> list[Finding]:
    """Every kernel of the engine that this processor has, by a known answer."""
    try:
        from pynq_driver import _engine
    except ImportError as error:
        detail = f"not installed ({error}); --backend golden works"
        return [Finding("C++ engine", WARNING, detail)]
    chosen = CpuBackend(image, threads=1).engine.kernel

    def check(kernel: str) -> str:
        backend = CpuBackend(image, threads=1, kernel=kernel)
        check_known_answer(backend, f"kernel {kernel}", _KNOWN_TOKENS)
        return "known answer" + (", chosen" if kernel == chosen else "")

    return [
        _checked(f"kernel {kernel}", functools.partial(check, kernel))
        for kernel in _engine.kernels()
    ]


def _tools() -> list[Finding]:
    """The open flow's tools, at the versions that the package asks for."""
    try:
        wanted = importlib.metadata.requires("tritforge") or []
    except importlib.metadata.PackageNotFoundError:
        return [Finding("open flow", WARNING, "tritforge runs without being installed")]
    findings = []
    for line in wanted:
        requirement, _, marker = line.partition(";")
        name, _, version = requirement.strip().partition("==")
        if "rtl" not in marker or not version:
            continue
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            detail = f"not installed; for RTL: {install_command('rtl')}"
            findings.append(Finding(name, WARNING, detail))
            continue
        if found == version:
            findings.append(Finding(name, OK, found))
        else:
            detail = f"{found} instead of {version}: {install_command('rtl')}"
            findings.append(Finding(name, REFUSED, detail))
    return findings


def _permissions() -> Finding:
    if os.geteuid() != 0:
        return Finding("permissions", REFUSED, "pynq needs root for /dev/mem: sudo -i")
    return Finding("permissions", OK, "root")


def _memory(image: Image) -> Finding:
    memory, needed = contiguous_memory(HostFiles()), image.file_bytes
    if memory.free is None or memory.total is None:
        return Finding("DMA memory", WARNING, "Linux does not say how much there is")
    detail = f"{memory.free >> 20} MB of {memory.total >> 20} MB free"
    if memory.free < needed:
        more = (memory.total - memory.free + needed >> 20) + 16
        return Finding("DMA memory", REFUSED, f"{detail}: add cma={more}M to the kernel's command")
    return Finding("DMA memory", OK, detail)


def _overlay_files(folder: Path) -> str:
    files = read_overlay(folder)
    return f"{files.interface.name} {files.interface.fingerprint} for {files.board.title}"


def _overlay(image: Image, folder: Path) -> str:
    backend = board_backend(image, folder)
    try:
        check_known_answer(backend, "the overlay", _KNOWN_TOKENS)
    finally:
        backend.device.close()
    return f"{_KNOWN_TOKENS} tokens of the embedded model are right"
