# SPDX-License-Identifier: Apache-2.0
"""Processes that `mpirun` starts: tokens of one board, and boards that die."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from pynq_driver import load
from pynq_driver.language_model.pipeline.backend import TIMEOUT_VARIABLE
from testing.mpi import mpirun, run_ranks

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install '.[mpi]'")
if not mpirun().is_file():
    pytest.skip("no mpirun beside this Python: pip install '.[mpi]'", allow_module_level=True)

TRITFORGE = str(mpirun().with_name("tritforge"))
DYING_BOARD = str(Path(__file__).with_name("dying_board.py"))
OPTIONS = ["--threads", "1", "--seed", "7", "--max-tokens", "16"]


@pytest.mark.parametrize("count", [2, 4])
def test_tokens_of_one_board(count: int) -> None:
    expected = load(backend="cpu", threads=1).generate("Once", seed=7, max_tokens=16)
    list(expected)
    command = [TRITFORGE, "generate", "Once", "--backend", "mpi", "--ids", "--quiet", *OPTIONS]
    result = run_ranks(count, command, 100)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(token) for token in expected.tokens]


def test_a_board_that_hangs_ends_the_run_with_its_name() -> None:
    started = time.monotonic()
    result = run_ranks(
        3, [sys.executable, DYING_BOARD, "SIGSTOP", "1"], 100, {TIMEOUT_VARIABLE: "2"}
    )
    assert time.monotonic() - started < 60
    assert result.returncode != 0
    assert "(rank 1) does not answer within 2 s" in result.stderr


def test_a_board_that_is_killed_ends_the_run_with_its_name() -> None:
    """MPI's launcher notices it first."""
    started = time.monotonic()
    result = run_ranks(3, [sys.executable, DYING_BOARD, "SIGKILL", "1"], 100)
    assert time.monotonic() - started < 60
    assert result.returncode != 0
    assert "rank 1" in result.stderr


def test_one_process_is_no_pipeline() -> None:
    result = run_ranks(1, [TRITFORGE, "generate", "Once", "--backend", "mpi"], 60)
    assert result.returncode == 2
    assert "backend mpi needs two boards or more" in result.stderr
