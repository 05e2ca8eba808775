# SPDX-License-Identifier: Apache-2.0
"""Data flows one way: which package may import which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from testing.repository import ROOT

PACKAGES = ("tritforge", "codegen", "pynq_driver")
#: Package -> packages it must not import.
FORBIDDEN = {
    "tritforge": {"codegen", "pynq_driver"},
    "codegen": {"pynq_driver"},
    "pynq_driver": {"codegen"},
}


def imported_packages(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_downwards_only(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if path.parts[-2] != "cli"]
    assert len(files) > 2
    for path in files:
        wrong = imported_packages(path) & FORBIDDEN[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_every_source_file_names_the_licence() -> None:
    folders = [ROOT / name for name in (*PACKAGES, "engine", "hls", "tests", "benchmarks")]
    sources = [
        path
        for folder in folders
        for suffix in ("*.py", "*.cpp", "*.hpp", "*.h")
        for path in folder.rglob(suffix)
        if path.stat().st_size and "build" not in path.parts and "goldens" not in path.parts
    ]
    assert len(sources) > 80
    for path in sources:
        head = path.read_text(encoding="utf-8")[:200]
        assert "SPDX-License-Identifier: Apache-2.0" in head, path.relative_to(ROOT)
