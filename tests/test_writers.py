# SPDX-License-Identifier: Apache-2.0
"""Whatever a user names as an output goes through `tritforge.whole_file`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from testing.repository import ROOT

PACKAGES = ("tritforge", "codegen", "pynq_driver", "tritforge_cli", "training", "benchmarks")
#: Files and folders that write without it, and why they may.
EXCEPTIONS = {
    "tritforge/whole_file.py": "it is what the others use",
    "tritforge/container/writing.py": "maps the temporary file of whole_file",
    "codegen/output.py": "fills a fresh project folder, which is renamed as a whole",
    "codegen/machine/": "fills fresh folders of the cache",
    "codegen/language_model/picture.py": "fills a temporary folder to compile",
    "codegen/openhls/": "fills fresh folders of the cache and temporary ones",
    "benchmarks/seeded_faults.py": "edits a copy of the sources",
}


def written(source: str) -> Iterator[int]:
    """Lines that open a file for writing or write one by its path, but for a `part`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name, is_method = "", isinstance(node.func, ast.Attribute)
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "part":
                continue
        elif isinstance(node.func, ast.Name):
            name = node.func.id
        if name in ("write_text", "write_bytes"):
            yield node.lineno
        elif name == "open":
            modes = [*node.args[0 if is_method else 1 :], *(k.value for k in node.keywords)]
            texts = [str(m.value) for m in modes if isinstance(m, ast.Constant)]
            if any(set(text) & set("wax+") and len(text) <= 3 for text in texts):
                yield node.lineno


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "(folder / 'a').write_bytes(b'')",
        "path.open('wb')",
        "open(path, 'a')",
        "open(path, mode='x')",
        "path.open(mode='r+b')",
    ],
)
def test_a_writer_is_found(line: str) -> None:
    assert list(written(line)) == [1]


@pytest.mark.parametrize(
    "line", ["path.open('rb')", "open(path)", "part.write_text('x')", "path.read_text('utf-8')"]
)
def test_a_reader_is_none(line: str) -> None:
    assert not list(written(line))


def test_every_writer_goes_through_whole_file() -> None:
    used = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            lines = list(written(path.read_text(encoding="utf-8")))
            reasons = {item for item in EXCEPTIONS if name.startswith(item)}
            used |= reasons if lines else set()
            assert reasons or not lines, (
                f"{name}, line {lines[0]}: writes a file in place; use whole_file or "
                "write_whole_text, so that links, devices and old contents survive"
            )
    assert used == set(EXCEPTIONS), "an exception that nobody needs"
