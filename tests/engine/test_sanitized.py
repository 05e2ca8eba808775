# SPDX-License-Identifier: Apache-2.0
"""The tests of this folder once more, on builds with sanitizers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from testing.repository import ROOT
from tests.engine.extension import _engine


@pytest.mark.slow
@pytest.mark.skipif(_engine.build_info["sanitized"], reason="this is the sanitized run")
@pytest.mark.parametrize("sanitizer", ["memory", "threads"])
def test_no_sanitizer_finds_anything(sanitizer: str, tmp_path: Path) -> None:
    options = ["--sanitizer", sanitizer, "--build", str(tmp_path / "build"), "-q"]
    command = [sys.executable, "-m", "benchmarks.run_sanitized", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
