# SPDX-License-Identifier: Apache-2.0
"""Command line of the row units' errors."""

from __future__ import annotations

import json
from pathlib import Path

from testing.ivit_units import Measurement, measure
from tests.benchmarks.script import run_script


def test_json_holds_the_measurements() -> None:
    result = run_script("ivit_units", "--json")
    assert result.returncode == 0, result.stderr
    assert [Measurement(**item) for item in json.loads(result.stdout)] == measure()


def test_mistake_gives_one_message_and_no_traceback(tmp_path: Path) -> None:
    result = run_script("ivit_units", "--plot", tmp_path / "errors.pdf")
    assert result.returncode == 2
    assert "must end in .svg or .png" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not any(tmp_path.iterdir())
