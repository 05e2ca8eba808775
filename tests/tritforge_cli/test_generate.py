# SPDX-License-Identifier: Apache-2.0
"""`tritforge generate`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tritforge.language_model.image import Image

COMMAND = [sys.executable, "-m", "tritforge_cli.main"]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_quiet_prints_the_text_alone() -> None:
    result = run("generate", "Once upon a time", "--seed", "1", "--quiet", "--max-tokens", "20")
    assert result.returncode == 0
    assert result.stdout.startswith("Once upon a time,")
    assert result.stdout.endswith("\n")
    assert result.stderr == ""


def test_figures_go_to_standard_error() -> None:
    result = run("generate", "Once", "--seed", "1", "--max-tokens", "20", "--threads", "1")
    for word in ("prompt", "decode", "tokens/s", "memory", "MB", "seed 1"):
        assert word in result.stderr
        assert word != "tokens/s" or word not in result.stdout


def test_ids_are_numbers_on_one_line_and_equal_across_backends() -> None:
    lines = {}
    for backend in ("cpu", "golden"):
        result = run(
            *("generate", "Lily", "--seed", "3", "--ids", "--quiet", "--max-tokens", "12"),
            *("--backend", backend),
        )
        assert result.stdout.count("\n") == 1
        lines[backend] = [int(item) for item in result.stdout.split()]
    assert len(lines["cpu"]) == 12
    assert lines["cpu"] == lines["golden"]


def test_float_backend_runs_on_the_embedded_model() -> None:
    result = run(
        "generate", "Once", "--backend", "float", "--temperature", "0", "--max-tokens", "5"
    )
    assert result.returncode == 0, result.stderr


def test_image_without_its_engine_buffer_is_reported(small_image: Image, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tritforge"
    content = bytearray(small_image.path.read_bytes())
    content[small_image.sections["weights"].offset] ^= 1
    damaged.write_bytes(content)
    result = run("generate", "x", "--model", str(damaged))
    assert result.returncode == 2
    assert "does not match its SHA-256" in result.stderr
