# SPDX-License-Identifier: Apache-2.0
"""docs/rtl-library.md names every module and has the measured sizes."""

from __future__ import annotations

import pytest

from testing.rtl_library import DOCUMENT, MEASURED, table
from testing.rtl_modules import MODULES


def test_every_module_is_documented_and_measured() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    measured = {item.module for item in MEASURED}
    for module in MODULES:
        assert f"| `{module}` |" in text
        assert module in measured


@pytest.mark.cosim
@pytest.mark.slow
def test_sizes_are_the_measured_ones() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8"), (
        "run `python -m benchmarks.rtl_library` and copy its table into the document"
    )
