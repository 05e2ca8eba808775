# SPDX-License-Identifier: Apache-2.0
"""The roofline plot: where points and roofs lie, and the files that are written."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

import pytest

from tritforge.errors import TritforgeError, install_command
from tritforge_cli.roofline import Point, check_path, ternary_intensity, write_roofline

POINTS = [Point("97 %", 4.0e9, 30e9), Point("75 %", 3.0e9, 25e9)]


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_same_figures_give_the_same_file(tmp_path: Path, name: str, start: bytes) -> None:
    contents = []
    for _ in range(2):
        write_roofline(tmp_path / name, "A machine", ternary_intensity(1), 40e9, POINTS)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] and contents[0].startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_roofs_bend_where_memory_meets_the_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    drawn: list[tuple[Any, ...]] = []
    original = Axes.loglog

    def loglog(self: Axes, *arguments: Any, **options: Any) -> Any:
        drawn.append(arguments)
        return original(self, *arguments, **options)

    monkeypatch.setattr(Axes, "loglog", loglog)
    write_roofline(tmp_path / "a.svg", "A machine", ternary_intensity(2), 40e9, POINTS)
    (x, roof), point, (_, slower), _ = drawn
    # Two tokens share a byte of five weights, each a multiplication and an addition.
    assert point == ([20], [30.0], "o")
    assert roof.max() == slower.max() == 40.0
    limited = roof < 40.0
    assert limited.any() and not limited.all()
    assert roof[limited] == pytest.approx(4.0 * x[limited])
    assert slower[slower < 40.0] == pytest.approx(3.0 * x[slower < 40.0])


def test_paths_are_checked_before_the_work(tmp_path: Path) -> None:
    check_path(tmp_path / "a.png")
    with pytest.raises(TritforgeError, match=r"ends in \.png, \.svg, \.pdf"):
        check_path(tmp_path / "a.txt")
    with pytest.raises(TritforgeError, match="there is no folder"):
        check_path(tmp_path / "none" / "a.png")


def test_missing_matplotlib_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TritforgeError, match=re.escape(install_command("plot"))):
        check_path(tmp_path / "a.png")
