# SPDX-License-Identifier: Apache-2.0
"""Workflows, issue forms and CITATION.cff: they parse, and what they call exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.repository import ROOT
from tritforge import __version__
from tritforge_cli.main import build_parser

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(
    path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
)
ARCHITECTURES = {"x86_64", "aarch64", "armv7l"}


def content(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict), path
    return loaded


def test_there_are_workflows_and_forms() -> None:
    assert {path.stem for path in WORKFLOWS} == {"lint", "test", "nightly", "wheels"}
    assert {path.stem for path in FORMS} == {"wrong_output", "different_numbers"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_has_what_it_needs(path: Path) -> None:
    workflow = content(path)
    # YAML 1.1 reads the key `on` as true.
    assert workflow["name"] and workflow[True] and workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["runs-on"] and 0 < job["timeout-minutes"] <= 360
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step["uses"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_calls_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"run: make (\S+)", text):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), target


def test_wheels_are_built_for_every_architecture() -> None:
    jobs = content(ROOT / ".github" / "workflows" / "wheels.yml")["jobs"]
    matrix = jobs["engine"]["strategy"]["matrix"]["include"]
    assert {item["architecture"] for item in matrix} == ARCHITECTURES
    assert "TRITFORGE_PURE_PYTHON" in str(jobs["pure"])


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_form_asks_for_what_the_project_prints(path: Path) -> None:
    form = content(path)
    assert form["name"] and form["description"] and form["body"]
    identifiers = [item["id"] for item in form["body"] if item["type"] != "markdown"]
    assert len(identifiers) == len(set(identifiers))
    for item in form["body"]:
        assert item["type"] in ("markdown", "textarea", "dropdown", "input", "checkboxes")
        assert item["attributes"].get("label") or item["type"] == "markdown"
        options = item["attributes"].get("options", ["-"])
        assert all(isinstance(option, str) for option in options), "quote yes and no"
    (system,) = (item for item in form["body"] if item.get("id") == "system")
    assert "tritforge info --system" in system["attributes"]["label"]
    assert system["validations"]["required"]
    build_parser("info").parse_args(["info", "--system"])


def test_citation_has_the_version_and_the_required_keys() -> None:
    citation = content(ROOT / "CITATION.cff")
    assert citation["version"] == __version__
    for key in ("cff-version", "message", "title", "authors"):
        assert citation[key]
