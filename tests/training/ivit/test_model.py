# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from testing.ivit_random_model import SMALL_SHAPE, RandomModel  # noqa: E402
from training.ivit.initial import InitialWeights, take_weights  # noqa: E402
from training.ivit.layers import quantise_weight  # noqa: E402
from training.ivit.model import Quantisation, VisionTransformer  # noqa: E402
from training.ivit.sites import ActivationObserver  # noqa: E402
from tritforge.ivit import quantise  # noqa: E402
from tritforge.ivit.golden import IvitGoldenModel, Trace  # noqa: E402
from tritforge.ivit.model_quantiser import quantise_model  # noqa: E402
from tritforge.ivit.quantise import ScaleFormat, WeightFormat  # noqa: E402
from tritforge.ivit.shape import VisionShape, VisionWidths, preset  # noqa: E402
from tritforge.ivit.tensors import tensor_shapes  # noqa: E402

HEAD_OF_16 = VisionShape(
    image_size=8, patch_size=2, channels=1, dim=32, heads=2, layers=2, hidden=64, classes=5
)
CASES = {
    "int8": (SMALL_SHAPE, Quantisation()),
    "ternary": (SMALL_SHAPE, Quantisation(weight_format=WeightFormat.TERNARY)),
    "power-of-two": (
        HEAD_OF_16,
        Quantisation(VisionWidths(multiplier=1), scale_format=ScaleFormat.POWER_OF_TWO),
    ),
    "ternary, power-of-two": (
        HEAD_OF_16,
        Quantisation(VisionWidths(multiplier=1), WeightFormat.TERNARY, ScaleFormat.POWER_OF_TWO),
    ),
    "4-bit attention": (SMALL_SHAPE, Quantisation(VisionWidths(probability=4))),
    "narrow": (
        SMALL_SHAPE,
        Quantisation(VisionWidths(activation=6, residual=12, multiplier=12, gain=12)),
    ),
}


def images_of(random: RandomModel, count: int) -> tuple[np.ndarray, torch.Tensor]:
    """Pixels, and the same normalised for PyTorch."""
    pixels = random.images(count, seed=9)
    reals = random.preprocessing.normalise(pixels).transpose(0, 3, 1, 2)
    return pixels, torch.from_numpy(np.ascontiguousarray(reals))


def calibrated(
    shape: VisionShape, quantisation: Quantisation
) -> tuple[RandomModel, VisionTransformer]:
    """Random weights in both frameworks, the ranges of 32 images."""
    random = RandomModel(shape, seed=3)
    model = VisionTransformer(shape, quantisation).eval()
    take_weights(model, InitialWeights(random.tensors, {}))
    model.observe(100.0)
    with torch.no_grad():
        model(images_of(random, 32)[1])
    model.settle()
    model.quantised = True
    return random, model


def golden_of(random: RandomModel, model: VisionTransformer) -> IvitGoldenModel:
    options = model.quantisation
    return IvitGoldenModel(
        quantise_model(
            model.shape,
            random.tensors,
            model.scales(),
            random.preprocessing,
            options.widths,
            options.weight_format,
            options.scale_format,
        )
    )


def test_names_are_those_of_timm_and_upstream() -> None:
    shape = preset("fashion-mnist")
    model = VisionTransformer(shape)
    parameters = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert parameters == tensor_shapes(shape)
    buffers = {name: tuple(b.shape) for name, b in model.named_buffers()}
    assert len(buffers) == 4 + 11 * shape.layers + 1
    assert set(buffers.values()) == {()}
    assert "blocks.5.attn.qact_attn1.act_scaling_factor" in buffers


def test_reals_are_those_of_the_float_reference() -> None:
    random = RandomModel(SMALL_SHAPE, seed=4)
    model = VisionTransformer(SMALL_SHAPE).eval()
    take_weights(model, InitialWeights(random.tensors, {}))
    pixels, images = images_of(random, 16)
    with torch.no_grad():
        logits = model(images).numpy()
    expected = random.reference.logits(random.preprocessing.normalise(pixels))
    np.testing.assert_allclose(logits, expected, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_integers_of_training_are_those_of_the_golden_model(name: str) -> None:
    random, model = calibrated(*CASES[name])
    pixels, images = images_of(random, 64)
    streams = []
    with torch.no_grad():
        embedding, scale = model._embedding(images)
        for block in model.blocks:
            embedding = block.whole(embedding, scale)
            scale = block.site("qact4").act_scaling_factor
            streams.append(embedding.numpy().astype(np.int64))
        logits = model(images).numpy()
    golden = golden_of(random, model)
    trace: Trace = {}
    integers = golden.logits(pixels, trace)
    for layer, stream in enumerate(streams):
        np.testing.assert_array_equal(stream, trace[f"blocks.{layer}.qact4"])
    reals = integers * 2.0**-golden.logit_fraction
    # The head's factors have as many bits as its machine's; the sums behind them are equal.
    bits = model.quantisation.widths.multiplier
    exact_factors = bits == 31 or model.quantisation.scale_format is ScaleFormat.POWER_OF_TWO
    tolerance = 1e-6 if exact_factors else 2.0**-bits * np.abs(reals).max()
    np.testing.assert_allclose(logits, reals, atol=tolerance)
    np.testing.assert_array_equal(logits.argmax(1), integers.argmax(1))


def test_every_parameter_gets_a_finite_gradient() -> None:
    for name in ("int8", "ternary", "4-bit attention"):
        random, model = calibrated(*CASES[name])
        model.train()
        logits = model(images_of(random, 16)[1])
        torch.nn.functional.cross_entropy(logits, torch.arange(16) % 5).backward()
        for parameter in model.parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
            assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize("weight_format", WeightFormat)
@pytest.mark.parametrize("scale_format", ScaleFormat)
def test_weights_are_those_of_the_quantiser(
    weight_format: WeightFormat, scale_format: ScaleFormat
) -> None:
    weight = np.random.RandomState(0).normal(0, 0.1, (40, 30)).astype(np.float32)
    weight[7] = 0
    codes, scale = quantise_weight(torch.from_numpy(weight), weight_format, scale_format)
    expected, expected_scale = quantise.quantise_weight(weight, weight_format, scale_format)
    np.testing.assert_array_equal(codes.numpy(), expected)
    np.testing.assert_array_equal(scale.numpy(), expected_scale)


def test_observer_takes_percentile_and_momentum() -> None:
    values = torch.arange(1.0, 1001.0)
    largest, most = ActivationObserver(), ActivationObserver(percentile=50.0)
    moving = ActivationObserver(momentum=0.9)
    for observer in (largest, most, moving):
        observer.update(values)
        observer.update(-values / 2)
    assert largest.magnitude == 1000
    assert most.magnitude == pytest.approx(500, abs=1)
    assert moving.magnitude == pytest.approx(0.9 * 1000 + 0.1 * 500)


def test_drop_path_is_for_training_in_reals() -> None:
    torch.manual_seed(0)
    model = VisionTransformer(HEAD_OF_16, drop_path=0.5)
    images = torch.randn(8, 1, 8, 8)
    assert not torch.equal(model.train()(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))
