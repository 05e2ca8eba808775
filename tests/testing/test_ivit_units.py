# SPDX-License-Identifier: Apache-2.0
"""Errors of the row units: the figures, the plot, and the table in docs/ivit-units.md."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testing.ivit_units import (
    Measurement,
    measure,
    measure_random_scales,
    plot,
    scale_table,
    table,
)
from testing.repository import ROOT
from tritforge.errors import ConfigurationError

DOCUMENT = ROOT / "docs" / "ivit-units.md"


@pytest.fixture(scope="module")
def measurements() -> list[Measurement]:
    return measure()


def test_every_unit_with_three_widths_and_three_n(measurements: list[Measurement]) -> None:
    for unit in ("shiftmax", "shiftgelu"):
        cases = {(item.bits, item.n) for item in measurements if item.unit == unit}
        assert len(cases) == 9
        assert len({bits for bits, _ in cases}) == len({n for _, n in cases}) == 3


def test_the_document_shows_the_measured_table(measurements: list[Measurement]) -> None:
    assert table(measurements) in DOCUMENT.read_text(encoding="utf-8"), (
        "python -m benchmarks.ivit_units, then update docs/ivit-units.md"
    )


def test_errors_are_where_the_document_sees_them(measurements: list[Measurement]) -> None:
    found = {(item.unit, item.bits, item.n): item for item in measurements}
    assert found["shiftmax", 8, 15].largest_error < 0.02
    assert found["shiftgelu", 8, 23].mean_error < found["shiftgelu", 8, 15].mean_error / 10
    assert found["shiftmax", 10, 19].clamps
    # For these scales exact integers and float64 agree but for upstream's numerator.
    assert all(item.differs_by_round_trip == 0 for item in measurements)


def test_the_document_shows_the_table_of_random_scales() -> None:
    measurements = measure_random_scales()
    assert scale_table(measurements) in DOCUMENT.read_text(encoding="utf-8"), (
        "python -m benchmarks.ivit_units --random-scales, then update docs/ivit-units.md"
    )
    # What the first table cannot show: there no scale is affected.
    assert all(item.affected_scales > 0.9 for item in measurements)
    assert all(item.mean_by_round_trip > 0 for item in measurements)


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG")])
def test_plot_writes_the_same_file_again(name: str, start: bytes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install '.[plot]'")
    path = tmp_path / name
    contents = []
    for _ in range(2):
        plot(path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(start)
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_plot_refuses_other_formats(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"must end in \.svg or \.png"):
        plot(tmp_path / "errors.pdf")
    assert not any(tmp_path.iterdir())


def test_plot_without_matplotlib_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[plot\]'"):
        plot(tmp_path / "errors.svg")
