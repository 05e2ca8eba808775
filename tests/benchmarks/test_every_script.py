# SPDX-License-Identifier: Apache-2.0
"""Every script of benchmarks/ starts and explains itself."""

from __future__ import annotations

import pytest

from testing.repository import ROOT
from tests.benchmarks.script import run_script

BENCHMARKS = ROOT / "benchmarks"
#: Scripts of benchmarks/peers run in an environment of their own; decode_worker has no options.
SCRIPTS = sorted(
    path.stem
    for path in BENCHMARKS.glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8") and path.stem != "decode_worker"
)


def test_there_are_scripts() -> None:
    assert {"compare_peers", "fuzz", "machine_faults", "same_tokens", "serve_load"} <= set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_printed(name: str) -> None:
    result = run_script(name, "--help")
    assert result.returncode == 0, result.stderr
    assert "usage: " in result.stdout
