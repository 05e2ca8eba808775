# SPDX-License-Identifier: Apache-2.0
"""C-simulation = translation = Verilated RTL for Shiftmax and ShiftGELU of generated projects."""

from __future__ import annotations

from pathlib import Path

import pytest
from numpy.random import RandomState

from codegen.openhls.flow import default_includes
from codegen.openhls.manifest import Manifest
from codegen.openhls.proof import prove
from codegen.output import write_project
from codegen.project import render_project
from codegen.row_units import ROW_UNITS, RowUnitsBlueprint
from codegen.vectors.row_cases import row_cases
from tests.openhls.unit_words import Words, pack
from tritforge.golden.ivit import RowUnitConfig

pytestmark = pytest.mark.cosim


def words_of_rows(config: RowUnitConfig) -> Words:
    """Headers and inputs of the rows of the test bench, the last word filled with zeros."""
    headers, inputs = [], []
    mask = (1 << config.input_bits) - 1
    for case in row_cases(config, RandomState(7)):
        row = [value & mask for value in case.x.tolist()]
        headers.append(
            pack([(len(row), config.row.bit_length()), (case.x0_magnitude, config.x0_bits)])
        )
        row += [0] * (-len(row) % config.lanes)
        inputs += [
            pack([(value, config.input_bits) for value in row[start : start + config.lanes]])
            for start in range(0, len(row), config.lanes)
        ]
    return {"headers": headers, "inputs": inputs}


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("unit", ROW_UNITS)
def test_row_unit(unit: str, lanes: int, tmp_path: Path) -> None:
    blueprint = RowUnitsBlueprint((unit,), {"row": 40, "lanes": lanes, "largest_x0": 40})
    write_project(tmp_path / "project", render_project(blueprint))
    folders = [tmp_path / "project" / name for name in ("include", "src")]
    words = words_of_rows(blueprint.configs[0])
    evidence = prove(
        tmp_path / "project" / "src" / "top.cpp",
        Manifest(unit, blueprint.pipeline_stages[unit]),
        words,
        (*folders, *default_includes()),
    )
    assert evidence.output_words == len(words["inputs"])
