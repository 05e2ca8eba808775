# SPDX-License-Identifier: Apache-2.0
"""Processes whose C++ depends on the number of lanes stay within the style of the open flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.openhls.flow import translate_file
from codegen.output import write_files
from codegen.project import machine_source
from tritforge.language_model.config import accelerator


@pytest.mark.parametrize("lanes", [4, 8])
def test_head_chooses_a_lane_without_a_table_of_pointers(tmp_path: Path, lanes: int) -> None:
    source = machine_source(LanguageModelBlueprint(accelerator(64, vocabulary=300, lanes=lanes)))
    write_files(tmp_path, source.files)
    folders = (tmp_path / "include", tmp_path / "shim")
    assert translate_file(tmp_path / "src" / "top.cpp", "head", folders).name == "head"
