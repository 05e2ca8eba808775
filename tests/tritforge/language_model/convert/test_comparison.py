# SPDX-License-Identifier: Apache-2.0
"""The fidelity line of a conversion: errors and choices that count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tritforge.language_model import image
from tritforge.language_model.convert import convert
from tritforge.language_model.convert.comparison import ConversionFidelity, compare


def test_error_and_agreement_worked_by_hand() -> None:
    reference = np.array([[3.0, 0.0, 4.0], [0.0, 1.0, 0.0]])
    integer = reference + np.array([[0.0, 0.0, 0.0], [0.6, 0.0, 0.0]])
    found = compare(integer, np.array([2, 0]), reference, {})
    assert found.positions == 2
    assert found.logit_error == pytest.approx(0.6 / np.sqrt(26))
    assert found.agreement == 0.5


def test_choices_that_rounding_decides_do_not_count() -> None:
    reference = np.array([[1.0, 1.0 - 1e-5, -1.0], [1.0, 0.0, -1.0]])
    found = compare(reference, np.array([1, 0]), reference, {})
    assert (found.agreement, found.logit_error) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("error", "agreement", "saturations", "poor"),
    [
        (0.01, 1.0, {}, False),
        (0.2, 1.0, {}, True),
        (0.01, 0.9, {}, True),
        (0.01, 1.0, {"value": 1}, True),
    ],
)
def test_what_is_poor(
    error: float, agreement: float, saturations: dict[str, int], poor: bool
) -> None:
    assert ConversionFidelity(9, error, agreement, saturations).is_poor is poor


def test_a_conversion_is_compared_layer_by_layer(small_checkpoint: Path, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    report = convert(
        small_checkpoint,
        tmp_path / "model.tritforge",
        progress=lambda *call: calls.append(call),
    )
    compared = [call for call in calls if call[0] == "compare"]
    assert compared[-1][1] == compared[-1][2] > 0
    assert report.fidelity.positions == 8 * 16
    assert report.fidelity.logit_error < 0.05
    assert not report.fidelity.saturations


def test_a_conversion_reads_nothing_back(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the image was opened")

    monkeypatch.setattr(image, "open_container", refuse)
    convert(small_checkpoint, tmp_path / "model.tritforge")
