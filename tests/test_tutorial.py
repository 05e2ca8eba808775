# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial.md, executed: its files are written, its commands run, its outputs compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.repository import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 300


def blocks() -> Iterator[tuple[str, str | None, str]]:
    for language, name, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        yield language, name or None, text


def environment(folder: Path) -> dict[str, str]:
    """`python` is this interpreter, and the packages are those of this checkout."""
    tools = folder / "bin"
    tools.mkdir()
    python = tools / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
    }


@pytest.mark.csim
@pytest.mark.cosim
@pytest.mark.skipif(shutil.which("g++") is None, reason="the tutorial's C-simulation needs g++")
def test_every_block_does_what_the_tutorial_says(tmp_path: Path) -> None:
    given = environment(tmp_path)
    work = tmp_path / "first_unit"
    work.mkdir()
    # Variables live on from block to block, as in the reader's shell.
    variables, output = "", ""
    counts = {"file": 0, "sh": 0, "text": 0}
    for language, name, text in blocks():
        if name is not None:
            (work / name).write_text(text, encoding="utf-8")
            counts["file"] += 1
        elif language == "sh":
            result = subprocess.run(
                ["bash", "-c", f"set -e\n{variables}{text}"],
                cwd=work,
                env=given,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            output = result.stdout
            assert result.returncode == 0, f"{text}\n{output}\n{result.stderr}"
            variables += "".join(f"{line}\n" for line in text.splitlines() if line[:4] == "HLS=")
            counts["sh"] += 1
        elif language == "text":
            printed = output.splitlines()
            for line in text.splitlines():
                assert line in printed, f"the tutorial promises {line!r}; printed was\n{output}"
            counts["text"] += 1
        else:
            pytest.fail(f"a {language} block that is neither a file nor a command")
    assert counts["file"] == 5 and counts["sh"] == 7 and counts["text"] == 6
    assert "the same three times" in output
