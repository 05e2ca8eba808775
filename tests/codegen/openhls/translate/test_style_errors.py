# SPDX-License-Identifier: Apache-2.0
"""Each construct outside the style is reported with its rule and its C++ line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from codegen.openhls import rules
from codegen.openhls.errors import CompileError, StyleError
from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.rules import Rule
from testing.repository import ROOT
from tests.codegen.openhls.translate.violations import VIOLATIONS, Violation


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: violation.name)
def test_violation_is_reported_with_rule_and_line(violation: Violation, tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(violation.source, encoding="utf-8")
    top = "absent" if violation.rule is rules.TOP_FUNCTION else "top"
    with pytest.raises(StyleError) as caught:
        translate_file(source, top)
    message = str(caught.value)
    assert caught.value.rule is violation.rule, message
    assert violation.says in message
    assert violation.rule.text in message
    if "// HERE" in violation.source:
        assert caught.value.location is not None, message
        assert Path(caught.value.location.file).name == "kernel.cpp", message
        assert caught.value.location.line == violation.line, message


def test_there_are_violations_of_many_rules() -> None:
    assert len(VIOLATIONS) >= 40
    assert len({item.rule.name for item in VIOLATIONS}) >= 28


def test_every_rule_is_documented() -> None:
    page = (ROOT / "docs" / "open-flow.md").read_text(encoding="utf-8")
    for item in vars(rules).values():
        if isinstance(item, Rule):
            assert f"`{item.name}`" in page, item.name


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sent.write(in.read() + nothing);", "nothing"),
        ("if (in.ready()) sent.write(in.read());", "ready"),
        ("try { sent.write(in.read()); } catch (...) {}", "exceptions"),
    ],
)
def test_what_does_not_compile_is_reported_with_the_compilers_line(
    body: str, says: str, tmp_path: Path
) -> None:
    source = tmp_path / "kernel.cpp"
    example = dataclasses.replace(VIOLATIONS[0], body=body)
    source.write_text(example.source, encoding="utf-8")
    line = next(i for i, text in enumerate(example.source.splitlines(), 1) if body in text)
    with pytest.raises(CompileError) as caught:
        translate_file(source, "top")
    assert says in str(caught.value) and f"kernel.cpp:{line}:" in str(caught.value)


def test_state_that_is_not_ready_in_time_names_the_interval(tmp_path: Path) -> None:
    body = """static Memory memory;
    static Byte address;
    memory.write(in.read().range(5, 0), address);
    address = memory.read(address.range(5, 0));
    sent.write(address);"""
    source = tmp_path / "kernel.cpp"
    source.write_text(dataclasses.replace(VIOLATIONS[0], body=body).source, encoding="utf-8")
    step = translate_file(source, "top")
    with pytest.raises(StyleError) as caught:
        build_design(step, Manifest("top", 4))
    assert caught.value.rule is rules.INITIATION_INTERVAL
