# SPDX-License-Identifier: Apache-2.0
"""benchmarks/ivit_model.py and ivit_reference.py: their figures, options, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from testing import ivit_model, ivit_reference
from testing.ivit_random_model import SMALL_SHAPE
from testing.ivit_reference import add, compare


def test_a_small_model_is_as_close_to_float64_as_upstreams() -> None:
    found = [ivit_model.measure_model("small", SMALL_SHAPE, seed, 8) for seed in range(3)]
    for item in found:
        assert 0 < item.golden < 0.1
        assert 0 < item.upstream < 0.1
        assert item.between < item.golden + item.upstream
        assert 0 <= item.golden_answers <= item.images == 8


def test_behind_a_requantisation_few_integers_differ_from_float32() -> None:
    found = {item.unit: item for item in ivit_model.measure_units(SMALL_SHAPE)}
    assert found["I-LayerNorm"].unlike > 0
    for name, item in found.items():
        if "requantised" in name:
            assert item.unlike <= 0.05 * item.values


def test_wide_multipliers_change_nothing_and_narrow_ones_do() -> None:
    found = {item.widths: item.error for item in ivit_model.measure_widths(SMALL_SHAPE, 2, 4)}
    assert set(found) == set(ivit_model.VARIANTS)
    assert found["multiplier 16, gain 16"] < 1.2 * found["upstream's"]
    assert found["multiplier 1, gain 12"] > 2 * found["upstream's"]


def test_json_and_table_of_a_preset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ivit_model, "preset", lambda name: SMALL_SHAPE)
    options = ["--seeds", "1", "--images", "2"]
    assert ivit_model.main([*options, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"errors", "units", "widths"}
    assert ivit_model.main(options) == 0
    assert "power-of-two scales" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--model", "swin"], ["--seeds", "0"], ["--images", "0"]])
def test_mistakes_end_with_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ivit_model.main(options) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_comparisons_count_what_differs() -> None:
    golden, single = np.array([1, 2, 3, 4]), np.array([1, 2, 5, 3])
    item = compare("unit", "array", golden, single, golden, np.array([1, 2, 5, 4]))
    assert (item.values, item.unlike_float64, item.unlike_float32) == (4, 0, 2)
    assert (item.largest_difference, item.emulation_unlike_float32) == (2, 1)
    total = add([item, compare("unit", "array", golden, golden)])
    assert (total.values, total.unlike_float32, total.unlike_float64) == (8, 2, None)


def test_a_folder_without_vectors_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ivit_reference.main(["--reference", str(tmp_path)]) == 2
    assert f"error: --reference: cannot read {tmp_path}" in capsys.readouterr().err
