# SPDX-License-Identifier: Apache-2.0
"""Plots and waveforms: kept where they shall be, through links and FIFOs, not left half written."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tritforge.errors import TritforgeError
from tritforge_cli.roofline import Point, write_roofline
from tritforge_cli.waveform import check_waveform, waveform_file

POINTS = [Point("a board", 2e9, 1e9)]


def plot(path: Path) -> None:
    write_roofline(path, "a title", 1, 1e10, POINTS)


def test_a_plot_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install '.[plot]'")
    target, link = tmp_path / "target.svg", tmp_path / "link.svg"
    target.write_text("old")
    link.symlink_to(target)
    plot(link)
    assert link.is_symlink()
    assert "a title" in target.read_text(encoding="utf-8")


def test_a_plot_goes_through_a_fifo(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install '.[plot]'")
    fifo = tmp_path / "plot.png"
    os.mkfifo(fifo)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(fifo.read_bytes()), daemon=True)
    thread.start()
    plot(fifo)
    thread.join(timeout=10)
    assert received[0].startswith(b"\x89PNG")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_plot_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install '.[plot]'")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(TritforgeError, match=r"cannot write .*folder\.svg: Is a directory"):
        plot(tmp_path / "folder.svg")


def test_a_waveform_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    names = ("folder.vcd", "to_folder.vcd", "circle.vcd", "lost.vcd", "fifo.vcd", "new.vcd")
    folder, to_folder, circle, lost, fifo, new = (tmp_path / name for name in names)
    folder.mkdir()
    to_folder.symlink_to(folder)
    circle.symlink_to(circle)
    lost.symlink_to("no/such/folder.vcd")
    os.mkfifo(fifo)
    for path, text in (
        (folder, "cannot"),
        (to_folder, "cannot"),
        (circle, "cannot"),
        (lost, "there is no"),
    ):
        with pytest.raises(TritforgeError, match=text):
            check_waveform(path)
    check_waveform(fifo)
    check_waveform(new)


def test_a_waveform_appears_when_the_run_has_ended(tmp_path: Path) -> None:
    path, link = tmp_path / "wave.vcd", tmp_path / "link.vcd"
    link.symlink_to(path)
    with waveform_file(link) as part:
        part.write_text("$end")
        assert not path.exists()
    assert path.read_text() == "$end"
    assert link.is_symlink()


def test_a_waveform_of_a_failed_run_is_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "wave.vcd"
    with pytest.raises(TritforgeError, match="timeout") as error, waveform_file(path) as part:
        part.write_text("$end")
        raise TritforgeError("timeout")
    assert f"The waveform up to there is {path}" in str(error.value)
    assert path.read_text() == "$end"


@pytest.mark.parametrize("kind", [TritforgeError, KeyboardInterrupt])
def test_a_run_that_failed_before_it_began_leaves_no_waveform(
    tmp_path: Path, kind: type[BaseException]
) -> None:
    path = tmp_path / "wave.vcd"
    with pytest.raises(kind) as error, waveform_file(path):
        raise kind("no such unit")
    assert "waveform" not in str(error.value)
    assert not list(tmp_path.iterdir())
