# SPDX-License-Identifier: Apache-2.0
"""Whole or not at all, whatever the target is: new, old, a link, a device, a FIFO or a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.repository import ROOT
from tritforge.whole_file import whole_file, write_whole_text

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make device nodes")


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@contextlib.contextmanager
def reader_of(fifo: Path) -> Iterator[list[bytes]]:
    """Reads the FIFO to its end in a thread; the list holds the bytes after the block."""
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(fifo.read_bytes()), daemon=True)
    thread.start()
    yield received
    thread.join(timeout=10)
    assert not thread.is_alive(), "nobody wrote to the FIFO"


# --- new and old files ----------------------------------------------------------------------------


def test_a_new_file_appears_at_the_end_with_the_usual_permissions(tmp_path: Path) -> None:
    path, usual = tmp_path / "figure.svg", tmp_path / "usual"
    usual.touch()
    with whole_file(path) as part:
        assert not path.exists()
        assert part.parent == tmp_path
        assert part.suffix == ".svg"
        part.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == usual.stat().st_mode
    assert names(tmp_path) == ["figure.svg", "usual"]


@pytest.mark.parametrize("mode", [None, 0o640])
def test_a_library_that_writes_a_file_of_its_own_keeps_the_permissions(
    tmp_path: Path, mode: int | None
) -> None:
    path, usual = tmp_path / "model.safetensors", tmp_path / "usual"
    usual.touch()
    if mode is not None:
        path.touch()
        path.chmod(mode)
    with whole_file(path) as part:
        own = tmp_path / "own"
        own.write_bytes(b"new")
        own.chmod(0o600)
        own.replace(part)
    assert path.read_bytes() == b"new"
    expected = stat.S_IMODE(usual.stat().st_mode) if mode is None else mode
    assert stat.S_IMODE(path.stat().st_mode) == expected


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_whole_text(tmp_path / "text", "½ trit\n")
    assert (tmp_path / "text").read_bytes() == "½ trit\n".encode()


def test_an_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    write_whole_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@NEEDS_ROOT
def test_an_old_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_whole_text(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("exists", [False, True])
def test_a_failed_block_changes_nothing(
    tmp_path: Path, error: type[BaseException], exists: bool
) -> None:
    path = tmp_path / "file"
    if exists:
        path.write_text("old")
    with pytest.raises(error), whole_file(path) as part:
        part.write_text("half")
        raise error
    assert names(tmp_path) == ["file"] * exists
    assert not exists or path.read_text() == "old"


@pytest.mark.parametrize(
    "name", ["x" * 255, "é" * 127, "a." + "b" * 253, "x" * 251 + ".png", ".hidden", "a b*?[c]"]
)
def test_every_name_that_the_system_allows(tmp_path: Path, name: str) -> None:
    write_whole_text(tmp_path / name, "new")
    assert names(tmp_path) == [name]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole_text(tmp_path / "missing" / "file", "new")


def test_a_link_planted_under_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In /tmp another user could do so, if the name could be guessed."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)
    victim, planted = tmp_path / "victim", tmp_path / f".file.{'0' * 16}.part"
    victim.write_text("precious")
    planted.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole_text(tmp_path / "file", "new")
    assert victim.read_text() == "precious"
    assert planted.is_symlink()


def test_two_blocks_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as first, whole_file(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


# --- what a killed process left -------------------------------------------------------------------


def abandoned(path: Path, age: float) -> Path:
    part = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part{path.suffix}")
    part.write_text("half")
    os.utime(part, (time.time() - age,) * 2)
    return part


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "model.tritforge"
    program = (
        "import sys, time; from pathlib import Path; from tritforge.whole_file import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as part:\n"
        "    print(part, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        part = Path(process.stdout.readline().strip())
        os.utime(part, (time.time() - 3600,) * 2)
        write_whole_text(path, "new")
        assert part.exists(), "its process is alive"
        process.send_signal(signal.SIGKILL)
    write_whole_text(path, "new")
    assert names(tmp_path) == [path.name]


def test_only_old_files_of_the_same_target_are_removed(tmp_path: Path) -> None:
    kept = [
        abandoned(tmp_path / "model.tritforge", age=1),
        abandoned(tmp_path / "other.tritforge", age=3600),
        abandoned(tmp_path / "model.png", age=3600),
    ]
    abandoned(tmp_path / "model.tritforge", age=3600)
    write_whole_text(tmp_path / "model.tritforge", "new")
    assert names(tmp_path) == sorted(["model.tritforge", *(item.name for item in kept)])


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 3])
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_replaced(
    tmp_path: Path, hops: int, exists: bool
) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "target"
    if exists:
        target.write_text("old")
    links = [tmp_path / f"link{index}" for index in range(hops)]
    for link, to in zip(links, [*links[1:], Path("elsewhere/target")]):
        link.symlink_to(to)
    write_whole_text(links[0], "new")
    assert all(link.is_symlink() for link in links)
    assert target.read_text() == "new"
    assert names(target.parent) == ["target"]


def test_a_failed_block_leaves_a_link_alone(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with pytest.raises(RuntimeError), whole_file(link) as part:
        part.write_text("half")
        raise RuntimeError
    assert link.is_symlink()
    assert target.read_text() == "old"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as error:
        write_whole_text(tmp_path / "a", "new")
    assert error.value.errno == errno.ELOOP
    assert names(tmp_path) == ["a", "b"]


# --- targets that are no regular files ------------------------------------------------------------


@pytest.mark.parametrize("through_link", [False, True])
def test_a_fifo_receives_the_bytes_and_stays(tmp_path: Path, through_link: bool) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    with reader_of(fifo) as received:
        write_whole_text(link if through_link else fifo, "new" * 100_000)
    assert received == [b"new" * 100_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert names(tmp_path) == ["fifo", "link"]


def test_a_fifo_receives_nothing_of_a_failed_block(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(RuntimeError), whole_file(fifo) as part:
        part.write_text("half")
        raise RuntimeError
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(descriptor, 1) == b""
    os.close(descriptor)


@NEEDS_ROOT
@pytest.mark.parametrize("fails", [False, True])
def test_a_device_stays_a_device(tmp_path: Path, fails: bool) -> None:
    null = tmp_path / "null.png"
    os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    expected = pytest.raises(RuntimeError) if fails else contextlib.nullcontext()
    with expected, whole_file(null) as part:
        assert part.suffix == ".png"
        part.write_text("new")
        if fails:
            raise RuntimeError
    assert stat.S_ISCHR(null.stat().st_mode)
    assert null.stat().st_rdev == os.makedev(1, 3)
    assert names(tmp_path) == ["null.png"]


@NEEDS_ROOT
def test_a_device_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    full = tmp_path / "full"
    os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    with pytest.raises(OSError) as error:
        write_whole_text(full, "new")
    assert error.value.errno == errno.ENOSPC
    assert stat.S_ISCHR(full.stat().st_mode)


def test_a_terminal_receives_the_bytes() -> None:
    """A device that every user has."""
    controller, terminal = os.openpty()
    try:
        write_whole_text(Path(os.ttyname(terminal)), "new")
        assert os.read(controller, 100) == b"new"
    finally:
        os.close(controller)
        os.close(terminal)


@pytest.mark.parametrize("redirection", ["pipe", "file", "deleted file"])
def test_standard_output_as_a_target(tmp_path: Path, redirection: str) -> None:
    program = (
        "from pathlib import Path; from tritforge.whole_file import write_whole_text\n"
        "write_whole_text(Path('/dev/stdout'), 'new')"
    )
    command = [sys.executable, "-c", program]
    if redirection == "pipe":
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    else:
        path = tmp_path / "output"
        with path.open("w+b") as file:
            if redirection == "deleted file":
                path.unlink()
            subprocess.run(command, cwd=ROOT, stdout=file, check=True)
            result = path.read_bytes() if path.exists() else os.pread(file.fileno(), 9, 0)
    assert result == b"new"
    assert names(tmp_path) == ["output"] * (redirection == "file")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "folder", "link"])
def test_a_folder_is_refused_before_the_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(IsADirectoryError), whole_file(Path(name)):
        pytest.fail("the block ran")
    assert names(tmp_path) == ["folder", "link"]
    assert not names(tmp_path / "folder")


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(OSError, match="socket"), whole_file(Path("socket")):
            pytest.fail("the block ran")
    assert names(tmp_path) == ["socket"]
