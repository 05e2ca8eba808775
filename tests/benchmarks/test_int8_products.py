# SPDX-License-Identifier: Apache-2.0
"""The comparison of products on the smallest preset, without the libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.peer_figures import OURS
from tests.benchmarks.script import run_script

pytest.importorskip("pynq_driver._engine", reason="the C++ engine is not built")


def test_this_engine_is_measured_and_missing_libraries_are_named(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    options = ("--model", "fashion-mnist", "--rounds", "1", "--peers-python", python)
    result = run_script("int8_products", *options)
    assert result.returncode == 0, result.stderr
    assert "the libraries are left out" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith(OURS))
    assert float(line.split()[1]) > 0 and "1.00 x" in line
