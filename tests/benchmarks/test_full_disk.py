# SPDX-License-Identifier: Apache-2.0
"""Commands on a full disk: some points of what `python -m benchmarks.full_disk` tries at random."""

from __future__ import annotations

import pytest

from testing.full_disk import may_mount
from tests.benchmarks.script import run_script


@pytest.fixture(autouse=True)
def disk() -> None:
    if not may_mount():
        pytest.skip("this system lets no process mount a disk of its own (unshare)")


def test_a_full_disk_is_one_line_and_leaves_nothing() -> None:
    result = run_script("full_disk", "--only", "convert", "--points", "3", "--seed", "3")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 points: 0 wrong" in result.stdout


@pytest.mark.slow  # all commands; with an empty cache clang and XLS run at every point
def test_fifty_points() -> None:
    result = run_script("full_disk", "--points", "50")
    assert result.returncode == 0, result.stdout + result.stderr


def test_mistakes_are_named() -> None:
    assert "at least 1" in run_script("full_disk", "--points", "0").stderr
    assert "no command contains 'x'" in run_script("full_disk", "--only", "x").stderr
