# SPDX-License-Identifier: Apache-2.0
"""Commands on a disk that is full: what they say, and what they leave.

The disk is a small tmpfs in a mount name space of its own, so nobody else sees it, and it is gone
with the process. A file fills it up to some pages, the command runs, and the disk is compared with
what it was.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.output import LIST_FILE
from testing.repository import ROOT

#: Mounts are allowed in a user's own name space.
NAMESPACE = ("unshare", "--map-root-user", "--mount")
DISK_BYTES = 64 << 20
_PAGE = 4096
_TIMEOUT_S = 600


@dataclass(frozen=True)
class Command:
    """One command that writes to the disk.

    Attributes:
        name: how it is called in reports.
        arguments: the command line, given the path that it is to write.
        keeps_part: whether its output goes through the shell, which names the file at once.
        in_steps: whether it writes several things, each whole or not at all.
        cache: whether its cache lies on the disk too, empty.
    """

    name: str
    arguments: Callable[[Path], Sequence[str]]
    keeps_part: bool = False
    in_steps: bool = False
    cache: bool = False


@dataclass(frozen=True)
class Point:
    """One command with so many pages free; `old` says whether its output was there before."""

    command: Command
    free_pages: int
    old: bool


def may_mount() -> bool:
    """Whether a process may mount its own disk on this system."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "none", folder]
        return (
            subprocess.run([*NAMESPACE, *mount], capture_output=True, check=False).returncode == 0
        )


def mount_disk(folder: Path) -> None:
    """A small disk at `folder`; only inside a name space (`NAMESPACE`)."""
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(folder)], check=True)


def unmount_disk(folder: Path) -> None:
    """Take the disk away."""
    subprocess.run(["umount", str(folder)], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the one that fills the disk; folders count as empty names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if path.name != "filler"
    }


def run_command(command: Command, disk: Path) -> subprocess.CompletedProcess[str]:
    """Run on the disk, temporary files included."""
    environment = {**os.environ, "TMPDIR": str(disk / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    if command.cache:
        environment["TRITFORGE_CACHE"] = str(disk / "cache")
    return subprocess.run(
        list(command.arguments(disk / "out" / "result")),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        cwd=ROOT,
        env=environment,
    )


def _empty(disk: Path) -> None:
    for path in disk.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (disk / "tmp").mkdir()
    (disk / "out").mkdir()


def used_pages(disk: Path) -> int:
    """Pages in use."""
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize // _PAGE


def measure(command: Command, disk: Path) -> tuple[int, dict[str, bytes]]:
    """Pages that a command takes on an empty disk, and what it leaves there.

    Raises:
        RuntimeError: it fails even there.
    """
    _empty(disk)
    result = run_command(command, disk)
    if result.returncode:
        raise RuntimeError(f"{command.name} fails on an empty disk: {result.stderr[-500:]}")
    return used_pages(disk), contents(disk / "out")


def choose_points(
    source: random.Random, needs: Sequence[tuple[Command, int]], count: int
) -> list[Point]:
    """Commands in turn, each with a random number of free pages below what it needs."""
    return [
        Point(command, source.randrange(max(1, pages)), bool(source.randrange(2)))
        for command, pages in (needs[index % len(needs)] for index in range(count))
    ]


def fill(disk: Path, free_pages: int) -> None:
    """Write a file that leaves so many pages."""
    state = os.statvfs(disk)
    size = state.f_bfree * state.f_frsize - free_pages * _PAGE
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def check_point(point: Point, disk: Path, good: dict[str, bytes]) -> str:
    """What is wrong with a command on a disk with few free pages, or an empty text.

    Args:
        good: what the command leaves where there is room.
    """
    command = point.command
    _empty(disk)
    if point.old and not command.keeps_part:
        _place(disk / "out", _older(good))
    before = contents(disk / "out")
    fill(disk, point.free_pages)
    result = run_command(command, disk)
    after = contents(disk / "out")
    if result.returncode == 0:
        return "" if after == good else "says that all is well, but the output is not what it is"
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    if "Traceback" in result.stderr or len(errors) != 1 or lines[-1] not in errors:
        return f"exit code {result.returncode}, not one line: {result.stderr[-600:]!r}"
    if command.keeps_part:
        (part,) = after.values()
        return "" if next(iter(good.values())).startswith(part) else "the output is another one"
    # `rtl` writes a project whole, then its RTL file by file: some of them may be there, as they
    # are where there is room; the list of what was generated says so.
    whole = {name: text for name, text in after.items() if not name.endswith(LIST_FILE)}
    if after != before and not (command.in_steps and whole.items() <= good.items()):
        names = sorted(set(after) ^ set(before)) or "the same names with other contents"
        return f"the folder of the output has changed: {names}"
    strays = sorted(contents(disk / "tmp"))
    if command.cache:
        strays += [name for name in contents(disk / "cache") if "part" in name or "tmp" in name]
    return f"left behind: {strays}" if strays else ""


def _older(good: dict[str, bytes]) -> dict[str, bytes]:
    """Another output of the same command: a file with other bytes, or a project with one less."""
    if len(good) == 1:
        return dict.fromkeys(good, b"an older one")
    return dict(list(good.items())[:-1])


def _place(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        if any(other.startswith(f"{name}/") for other in files):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def python_module(*arguments: str) -> list[str]:
    """Command line of a module in this environment."""
    return [sys.executable, "-m", *arguments]
