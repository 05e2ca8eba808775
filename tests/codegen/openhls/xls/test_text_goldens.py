# SPDX-License-Identifier: Apache-2.0
"""The text of one small kernel as XLS IR and SystemVerilog: its changes are seen and reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest

GOLDENS = Path(__file__).parent / "goldens"
KERNEL = GOLDENS / "running_sum.cpp"


@pytest.mark.parametrize("suffix", [".ir", ".sv", ".manifest.json"])
def test_text_is_the_golden_one(suffix: str, update_goldens: bool) -> None:
    design = build_design(translate_file(KERNEL, "running_sum"), Manifest("running_sum", 4))
    text = {
        ".ir": design.ir,
        ".sv": design.modules,
        ".manifest.json": design.manifest.to_json(),
    }[suffix]
    golden = GOLDENS / f"running_sum{suffix}"
    if update_goldens:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
