# SPDX-License-Identifier: Apache-2.0
"""`tritforge info`."""

from __future__ import annotations

import json

import pytest

from tritforge_cli.main import main


def test_info_lists_what_scripts_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["shape"] == {"dim": 384, "layers": 8, "glu_width": 1024, "vocabulary": 4096}
    assert values["bits_per_ternary_weight"] < 1.61
    assert main(["info"]) == 0
    assert "all hashes good" in capsys.readouterr().out
