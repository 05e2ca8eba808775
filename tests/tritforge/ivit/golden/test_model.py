# SPDX-License-Identifier: Apache-2.0
"""The whole golden model against a plain exact one, upstream's float32, and the float model."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from testing.ivit_upstream_model import UpstreamModel
from tests.tritforge.ivit.golden.plain_model import PlainModel
from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden import IvitGoldenModel, Trace
from tritforge.ivit.golden.attention import PROBABILITIES
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.sites import activation_sites

SHAPES = {
    "three_colours": SMALL_SHAPE,
    "one_of_everything": VisionShape(
        image_size=2, patch_size=2, channels=1, dim=2, heads=1, layers=1, hidden=2, classes=2
    ),
    "wide_heads": VisionShape(
        image_size=4, patch_size=1, channels=2, dim=10, heads=2, layers=1, hidden=6, classes=4
    ),
}


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", SHAPES)
def test_every_site_and_logit_equals_the_plain_exact_model(name: str, seed: int) -> None:
    """Folded class token, position and input table; heads joined; logits of all classes alike."""
    model = RandomModel(SHAPES[name], seed)
    golden = IvitGoldenModel(model.parameters)
    pixels = model.images(2, seed=seed + 7)
    trace: Trace = {}
    logits = golden.logits(pixels, trace)
    for index, image in enumerate(pixels):
        plain = PlainModel(model.shape, model.tensors, model.scales, model.preprocessing.normalise)
        exact = plain.logits(image)
        for site, rows in plain.sites.items():
            assert rows_of(trace[site][index]) == rows, site
        for z, value in zip(logits[index].tolist(), exact):
            # Half a unit, and the 31 bits of the multiplier.
            assert (
                abs(Fraction(z, 2**golden.logit_fraction) - value)
                <= Fraction(1, 2 ** (golden.logit_fraction + 1)) + abs(value) / 2**31
            )
        assert int(logits[index].argmax()) == exact.index(max(exact))


def rows_of(values: Int64Array) -> list[list[int]]:
    """Integers of one image as rows, heads one after the other."""
    return values.reshape(-1, values.shape[-1]).tolist()


def test_the_trace_has_every_site(model: RandomModel) -> None:
    trace: Trace = {}
    IvitGoldenModel(model.parameters).logits(model.images(1), trace)
    expected = set(activation_sites(model.shape, model.widths)) - {"qact_pos"}
    extra = {f"blocks.{layer}.{PROBABILITIES}" for layer in range(model.shape.layers)}
    assert set(trace) == expected | extra


def test_sites_before_the_first_shiftmax_equal_upstreams_float32(model: RandomModel) -> None:
    pixels = model.images(4)
    trace: Trace = {}
    IvitGoldenModel(model.parameters).logits(pixels, trace)
    upstream: dict[str, Int64Array] = {}
    single = UpstreamModel(model.shape, model.tensors, model.scales)
    single.logits(model.preprocessing.normalise(pixels), upstream)
    assert (trace["qact_input"] == upstream["qact_input"]).all()
    for site in (
        "patch_embed.qact",
        "qact1",
        "blocks.0.qact1",
        "blocks.0.attn.qact1",
        "blocks.0.attn.qact_attn1",
    ):
        assert (trace[site] == upstream[site]).all(), site


def test_logits_come_as_close_to_the_float_model_as_upstreams() -> None:
    """Means over several random models; one alone may favour either."""
    golden_errors, upstream_errors = [], []
    for seed in range(6):
        model = RandomModel(seed=seed)
        pixels = model.images(8)
        normalised = model.preprocessing.normalise(pixels)
        exact = model.reference.logits(normalised)
        golden = IvitGoldenModel(model.parameters)
        logits = golden.logits(pixels) / 2**golden.logit_fraction
        upstream = UpstreamModel(model.shape, model.tensors, model.scales).logits(normalised)
        golden_errors.append(np.linalg.norm(logits - exact) / np.linalg.norm(exact))
        upstream_errors.append(np.linalg.norm(upstream - exact) / np.linalg.norm(exact))
    assert np.mean(golden_errors) < 0.08
    assert np.mean(golden_errors) < 1.1 * np.mean(upstream_errors)


def test_images_of_a_batch_are_independent(model: RandomModel) -> None:
    golden = IvitGoldenModel(model.parameters)
    pixels = model.images(3)
    together = golden.logits(pixels)
    assert together.shape == (3, model.shape.classes)
    for index in range(3):
        assert (golden.logits(pixels[index : index + 1]) == together[index]).all()


@pytest.mark.parametrize("value", [0, 255])
def test_extreme_images_stay_within_every_width(model: RandomModel, value: int) -> None:
    pixels = np.full_like(model.images(1), value)
    logits = IvitGoldenModel(model.parameters).logits(pixels)
    assert np.abs(logits).max() < 1 << 31


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": 4},
        {"residual": 12},
        {"probability": 5},
        {"sigmoid": 12},
        {"multiplier": 12},
        {"multiplier": 1},
        {"shiftmax_n": 12, "shiftgelu_n": 18},
    ],
)
def test_other_widths_run_and_stay_within_their_ranges(
    model: RandomModel, changes: dict[str, int]
) -> None:
    widths = VisionWidths(**changes)
    trace: Trace = {}
    IvitGoldenModel(model.parameters_with(widths)).logits(model.images(2), trace)
    for site, bits in activation_sites(model.shape, widths).items():
        if site in trace:
            assert -(1 << (bits - 1)) <= trace[site].min() <= trace[site].max() < 1 << (bits - 1)
    assert trace[f"blocks.0.{PROBABILITIES}"].max() < 1 << (widths.probability - 1)


@pytest.mark.parametrize("shape", [(6, 6, 3), (1, 6, 6, 1), (1, 5, 6, 3), (1, 3, 6, 6)])
def test_images_of_another_size_are_refused(model: RandomModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"\(batch, 6, 6, 3\)"):
        IvitGoldenModel(model.parameters).logits(np.zeros(shape, np.uint8))


def test_pixels_that_are_no_bytes_are_refused(model: RandomModel) -> None:
    with pytest.raises(ConfigurationError, match="pixels are float64"):
        IvitGoldenModel(model.parameters).logits(np.zeros((1, 6, 6, 3)))  # type: ignore[arg-type]
