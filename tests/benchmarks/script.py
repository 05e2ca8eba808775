# SPDX-License-Identifier: Apache-2.0
"""Runs a script of benchmarks/ as its user does: `python -m benchmarks.<name>` from the root."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from testing.repository import ROOT

TIMEOUT_S = 300


def run_script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Result of a script, with what it printed as text."""
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
