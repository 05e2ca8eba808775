# SPDX-License-Identifier: Apache-2.0
"""Formats of a whole model: nothing saturates, whatever sizes the checkpoint has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from testing.checkpoint_editing import Tensors, copy_checkpoint, edit_tensors
from tritforge.language_model.convert import convert
from tritforge.language_model.convert.tensor_shapes import EMBEDDING
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import HEADROOM_KEY, open_image
from tritforge.language_model.signals import Signal


def scaled(factor: float, part: str) -> Callable[[Tensors], object]:
    """The tensors whose names hold `part`, times a factor."""

    def change(tensors: Tensors) -> None:
        for name, tensor in tensors.items():
            if part in name:
                tensors[name] = (tensor.astype(np.float64) * factor).astype(np.float32)

    return change


def outlier(tensors: Tensors) -> None:
    """A row that the calibration text does not have, larger than the formats of the others."""
    tensors[EMBEDDING][11] *= 100


@pytest.mark.parametrize(
    "change",
    [
        scaled(1, ""),
        *(scaled(factor, "norm") for factor in (1e-6, 0.01, 100.0)),
        *(scaled(factor, "o_proj.norm") for factor in (0.01, 100.0)),
        *(scaled(factor, EMBEDDING) for factor in (1e-4, 50.0)),
        *(scaled(factor, "proj.weight") for factor in (0.01, 30.0)),
        outlier,
    ],
)
def test_no_signal_saturates(
    small_checkpoint: Path, tmp_path: Path, change: Callable[[Tensors], object]
) -> None:
    folder = copy_checkpoint(small_checkpoint, tmp_path / "checkpoint")
    edit_tensors(folder, change)
    report = convert(folder, tmp_path / "model.tritforge")
    image = open_image(report.path)
    model = GoldenModel(image)
    state = model.new_state(8)
    for tokens in np.random.default_rng(3).integers(0, image.header.shape.vocabulary, (12, 8)):
        tokens[0] = 11
        model.step(state, tokens)
    assert not state.flags.by_name()


def test_the_header_tells_the_headroom_of_every_signal(
    small_checkpoint: Path, tmp_path: Path
) -> None:
    report = convert(small_checkpoint, tmp_path / "model.tritforge")
    text = open_image(report.path).header.source[HEADROOM_KEY]
    headroom = {name: float(bits) for name, bits in (item.split() for item in text.split(", "))}
    for signal in (Signal.RESIDUAL, Signal.OPERAND, Signal.MULTIPLIER, Signal.LOGIT):
        assert headroom[signal.value] > 0.5
    assert headroom[Signal.PREACTIVATION_CANDIDATE.value] >= 3
