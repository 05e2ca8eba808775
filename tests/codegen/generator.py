# SPDX-License-Identifier: Apache-2.0
"""Running the generator as its users do: as a script, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jinja2
import markupsafe
import numpy as np
import pytest

from codegen import gen
from codegen.output import LIST_FILE
from testing.repository import ROOT

SCRIPT = ROOT / "codegen" / "gen.py"
TIMEOUT_S = 60


def run(
    command: Sequence[str | Path], cwd: Path, path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Python with `command`, without any installed package but those in `path`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    # -S: no site-packages, so an (editable) installation of this project cannot help out.
    return subprocess.run(
        [sys.executable, "-S", *map(str, command)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def dependencies() -> list[Path]:
    """Folders that hold what the generator needs: jinja2 and numpy."""
    modules = (jinja2, markupsafe, np)
    return sorted({Path(str(module.__file__)).parents[1] for module in modules})


def generate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python codegen/gen.py <arguments>` from `cwd`."""
    return run([SCRIPT, *arguments], cwd, dependencies())


def check_mistake(
    arguments: Sequence[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The generator ends with status 2 and one line that holds `message`, and writes nothing.

    Args:
        folder: an empty one, in which the project would be.
    """
    with pytest.raises(SystemExit) as stopped:
        gen.main(arguments)
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert message in output.err
    assert output.err.startswith("gen.py: error: ")
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert not any(folder.iterdir())


def copy_checkout(target: Path) -> Path:
    """The parts of the repository that the generator needs, as a checkout has them."""
    skip = shutil.ignore_patterns("__pycache__", "*.so")
    for folder in ("codegen", "hls", "tritforge"):
        shutil.copytree(ROOT / folder, target / folder, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def tree(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of every file below `folder`, but for the generator's own list."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LIST_FILE
    }
