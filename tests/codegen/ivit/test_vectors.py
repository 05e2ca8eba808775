# SPDX-License-Identifier: Apache-2.0
"""Vectors of I-ViT's units are stimuli; every expected value is the golden function's."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from codegen.ivit.row_units import ROW_UNITS
from testing.repository import ROOT
from tests.codegen.vector_rules import check_expected_values, forbidden_imports

GOLDEN = "tritforge.ivit.golden"
FILES = sorted((ROOT / "codegen/ivit/vectors").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vectors_know_no_arithmetic_and_no_unit_but_their_own(path: Path) -> None:
    assert not forbidden_imports(path, GOLDEN)


@pytest.mark.parametrize("unit", ROW_UNITS)
def test_expected_values_follow_the_golden_function(unit: str) -> None:
    module = importlib.import_module(f"codegen.ivit.vectors.{unit}")
    config = ROW_UNITS[unit].config(row=33, elements=2)
    right, wrong = check_expected_values(unit, GOLDEN, module, lambda: str(module.vectors(config)))
    assert right.stimuli == wrong.stimuli
