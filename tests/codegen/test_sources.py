# SPDX-License-Identifier: Apache-2.0
"""Where headers and benches are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen import sources
from codegen.sources import bench_of, hls_folder
from testing.repository import ROOT
from tritforge.errors import TritforgeError


def test_folder_of_the_checkout() -> None:
    assert hls_folder() == ROOT / "hls"
    assert (hls_folder() / "include" / "common").is_dir()


def test_folder_inside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "codegen"
    monkeypatch.setattr(sources, "_PACKAGE", package)
    with pytest.raises(TritforgeError, match="the installation is incomplete, install again"):
        hls_folder()
    (package / "hls" / "include").mkdir(parents=True)
    assert hls_folder() == package / "hls"


def test_bench_and_vectors_of_a_unit(tmp_path: Path) -> None:
    bench = tmp_path / "tb" / "ivit" / "shiftmax_tb.cpp"
    bench.parent.mkdir(parents=True)
    bench.touch()
    assert bench_of(tmp_path, "shiftmax") == (bench, tmp_path / "tb" / "vectors" / "shiftmax.txt")
    with pytest.raises(TritforgeError, match="holds 0 test benches of shiftgelu, not one"):
        bench_of(tmp_path, "shiftgelu")
