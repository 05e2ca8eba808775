# SPDX-License-Identifier: Apache-2.0
"""Calibration: ranges over batches, upstream's running range, and floors of the row units."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from testing.ivit_random_model import RandomModel, random_tensors
from tritforge.errors import ConfigurationError
from tritforge.ivit.calibrate import (
    UPSTREAM_MOMENTUM,
    ActivationRange,
    activation_scales,
    calibrate,
)
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.model_quantiser import quantise_model
from tritforge.ivit.reference import FloatVisionModel
from tritforge.ivit.shape import VisionUnits, VisionWidths
from tritforge.ivit.sites import activation_sites

F = np.float32


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


def test_the_whole_range_keeps_the_extremes_of_all_batches() -> None:
    tracked = ActivationRange()
    for batch in ([1.0, -2.0], [0.5, 3.0], [-1.0, 2.0]):
        tracked.update(np.array(batch))
    assert (tracked.low, tracked.high) == (-2, 3)
    assert tracked.scale(8) == F(3) / F(127)


def test_the_running_range_moves_by_a_twentieth_in_float32() -> None:
    """The first batch counts in full, as upstream's."""
    tracked = ActivationRange(UPSTREAM_MOMENTUM)
    low = high = F(0)
    random = np.random.RandomState(0)
    for step in range(5):
        batch = random.normal(step, 1 + step, 50)
        tracked.update(batch)
        if step == 0:
            low, high = F(batch.min()), F(batch.max())
        else:
            low = F(low * F(0.95)) + F(F(batch.min()) * F(0.05))
            high = F(high * F(0.95)) + F(F(batch.max()) * F(0.05))
        assert (tracked.low, tracked.high) == (low, high)
    exact = Fraction(float(high))
    assert abs(exact - Fraction(float(batch.max()))) > Fraction(1, 10)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, np.nan])
def test_a_momentum_outside_its_range_is_refused(momentum: float) -> None:
    with pytest.raises(ConfigurationError, match="give a number from 0 to below 1"):
        ActivationRange(momentum)


def test_every_site_gets_the_range_of_its_reals(model: RandomModel) -> None:
    images = model.preprocessing.normalise(model.images(3))
    ranges = calibrate(model.reference, [images[:2], images[2:]])
    extremes: dict[str, list[float]] = {}
    model.reference.logits(
        images, lambda site, values: extremes.update({site: [values.min(), values.max()]})
    )
    assert list(ranges) == list(activation_sites(model.shape, model.widths))
    for site, (low, high) in extremes.items():
        assert (ranges[site].low, ranges[site].high) == (
            pytest.approx(low, rel=1e-6),
            pytest.approx(high, rel=1e-6),
        )


def test_images_of_the_calibration_do_not_saturate_inner_sites(model: RandomModel) -> None:
    """Integers of the images that gave the ranges reach them, and hardly leave them."""
    pixels = model.images(8, seed=model.seed + 100)
    trace: dict[str, np.ndarray] = {}
    IvitGoldenModel(model.parameters).logits(pixels, trace)
    for site, bits in activation_sites(model.shape, model.widths).items():
        if site in trace:
            limit = (1 << (bits - 1)) - 1
            assert np.abs(trace[site]).max() > 0.85 * limit, site
            assert np.mean(np.abs(trace[site]) > limit) < 0.01, site


def test_scores_and_hidden_activations_get_at_least_the_exact_scale(model: RandomModel) -> None:
    """Weights so small that |x0| of both row units would leave its limit."""
    tensors = random_tensors(model.shape)
    for layer in range(model.shape.layers):
        for name in ("attn.qkv", "mlp.fc1"):
            for kind in ("weight", "bias"):
                tensors[f"blocks.{layer}.{name}.{kind}"] *= F(1e-3)
    images = model.preprocessing.normalise(model.images(2))
    ranges = calibrate(FloatVisionModel(model.shape, tensors), [images])
    widths = VisionWidths()
    scales = activation_scales(ranges, model.shape, widths)
    units = VisionUnits(model.shape, widths)
    parameters = quantise_model(model.shape, tensors, scales, model.preprocessing)
    for block in parameters.blocks:
        assert block.attention.x0_magnitude[0] == units.shiftmax.largest_x0
        assert block.mlp.x0_magnitude[0] == units.shiftgelu.largest_x0


def test_no_images_are_refused(model: RandomModel) -> None:
    for batches in ([], [np.zeros((0, 6, 6, 3))]):
        with pytest.raises(ConfigurationError, match="no images to calibrate with"):
            calibrate(model.reference, batches)


def test_numbers_that_are_not_finite_are_named_by_site(model: RandomModel) -> None:
    images = model.preprocessing.normalise(model.images(1))
    images[0, 0, 0, 0] = np.nan
    with pytest.raises(ConfigurationError, match="qact_input holds numbers that are not finite"):
        calibrate(model.reference, [images])
