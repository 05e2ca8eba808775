# SPDX-License-Identifier: Apache-2.0
"""The engine of the vision transformer against its golden model, and what it refuses."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from testing.ivit_perturbed_parameters import perturbed_parameters
from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tests.engine.extension import _engine
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.parameters import VisionParameters, array_specifications
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths, preset

KERNELS = tuple(_engine.VisionEngine.kernels())

#: Rows, columns and inputs on either side of whole vectors, panels, row blocks and chunks.
SHAPES = {
    "small": SMALL_SHAPE,
    "one_of_everything": VisionShape(
        image_size=2, patch_size=2, channels=1, dim=2, heads=1, layers=1, hidden=2, classes=2
    ),
    "odd_heads": VisionShape(
        image_size=9, patch_size=3, channels=4, dim=35, heads=5, layers=3, hidden=37, classes=33
    ),
    "whole_vectors": VisionShape(
        image_size=14, patch_size=2, channels=1, dim=64, heads=4, layers=2, hidden=128, classes=64
    ),
    "two_chunks": VisionShape(
        image_size=21, patch_size=3, channels=3, dim=34, heads=1, layers=2, hidden=65, classes=17
    ),
    "many_tokens": VisionShape(
        image_size=13, patch_size=1, channels=2, dim=18, heads=3, layers=1, hidden=20, classes=3
    ),
}
WIDTHS = {
    "narrow": VisionWidths(*(4, 8, 4, 4), shiftmax_n=4, shiftgelu_n=4, multiplier=1, gain=1),
    "activation 7, residual 15": VisionWidths(activation=7, residual=15, sigmoid=16),
    "multiplier 1, gain 12": VisionWidths(multiplier=1, gain=12),
    "multiplier 12, gain 12": VisionWidths(multiplier=12, gain=12),
    "shiftgelu_n 24, shiftmax_n 20": VisionWidths(shiftgelu_n=24, shiftmax_n=20),
}


def make_engine(
    parameters: VisionParameters, kernel: str = "auto", threads: int = 1, **changed: Any
) -> Any:
    arguments: dict[str, Any] = {
        "shape": dataclasses.asdict(parameters.shape),
        "widths": dataclasses.asdict(parameters.widths),
        "arrays": parameters.to_arrays(),
    }
    return _engine.VisionEngine(**{**arguments, **changed}, kernel=kernel, threads=threads)


def random_pixels(shape: VisionShape, count: int, seed: int = 0) -> NDArray[np.uint8]:
    size = (count, shape.image_size, shape.image_size, shape.channels)
    return np.random.RandomState(seed).randint(0, 256, size, np.uint8)


@cache
def random_model(name: str) -> RandomModel:
    return RandomModel(SHAPES[name])


def check(parameters: VisionParameters, pixels: NDArray[np.uint8], kernel: str) -> None:
    """One thread, and threads that share images; more of them than there are rows."""
    expected = IvitGoldenModel(parameters).logits(pixels)
    for threads in (1, 2, 7):
        found = make_engine(parameters, kernel, threads).logits(pixels)
        assert found.dtype == np.int64
        assert np.array_equal(found, expected), f"{threads} threads"


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", SHAPES)
def test_logits_are_the_golden_models(name: str, kernel: str) -> None:
    """Calibrated models, which saturate seldom, and parameters from anywhere."""
    model = random_model(name)
    check(model.parameters, model.images(3), kernel)
    for seed in range(8):
        parameters = perturbed_parameters(model.parameters, seed)
        check(parameters, random_pixels(model.shape, 3, seed), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", WIDTHS)
def test_all_widths(name: str, kernel: str) -> None:
    model = random_model("two_chunks")
    parameters = model.parameters_with(WIDTHS[name])
    check(parameters, model.images(2), kernel)
    for seed in range(4):
        perturbed = perturbed_parameters(parameters, seed)
        check(perturbed, random_pixels(model.shape, 2, seed), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_width_of_a_probability(kernel: str) -> None:
    model = random_model("many_tokens")
    for bits in range(4, 17):
        parameters = model.parameters_with(VisionWidths(probability=bits))
        found = make_engine(parameters, kernel).logits(model.images(2))
        assert np.array_equal(found, IvitGoldenModel(parameters).logits(model.images(2))), bits


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weight_format", WeightFormat)
@pytest.mark.parametrize("scale_format", ScaleFormat)
def test_formats_of_weights_and_scales(
    weight_format: WeightFormat, scale_format: ScaleFormat, kernel: str
) -> None:
    model = random_model("whole_vectors")
    parameters = model.parameters_with(VisionWidths(), weight_format, scale_format)
    check(parameters, model.images(2), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("value", [0, 255])
def test_extreme_weights_and_images(value: int, kernel: str) -> None:
    """All weights -128 and the largest biases that the sums allow, which nothing may exceed."""
    shape = SHAPES["two_chunks"]
    parameters = random_model("two_chunks").parameters
    arrays = parameters.to_arrays()
    for name, array in arrays.items():
        if name.endswith(".weight"):
            arrays[name] = np.full_like(array, -128)
            room = (1 << 31) - 1 - (array.shape[1] << 14)
            sign = np.where(np.arange(len(array)) % 2, -1, 1)
            arrays[name.removesuffix("weight") + "bias"] = (sign * room).astype(np.int32)
    extreme = VisionParameters.from_arrays(shape, parameters.widths, arrays)
    check(extreme, np.full_like(random_pixels(shape, 2), value), kernel)


def test_two_blocks_of_fashion_mnist() -> None:
    model = RandomModel(dataclasses.replace(preset("fashion-mnist"), layers=2))
    pixels = model.images(3)
    expected = IvitGoldenModel(model.parameters).logits(pixels)
    for kernel in KERNELS:
        found = make_engine(model.parameters, kernel, threads=2).logits(pixels)
        assert np.array_equal(found, expected), kernel


def test_two_blocks_of_deit_tiny() -> None:
    model = RandomModel(dataclasses.replace(preset("deit-tiny"), layers=2))
    pixels = model.images(1)
    expected = IvitGoldenModel(model.parameters).logits(pixels)
    assert np.array_equal(make_engine(model.parameters, threads=2).logits(pixels), expected)


def test_ranges_are_those_of_the_dataclasses() -> None:
    for name, struct in (("shape", VisionShape), ("widths", VisionWidths)):
        ranges = {item.name: item.metadata["range"] for item in dataclasses.fields(struct)}
        assert _engine._vision_constants()[name] == ranges


@pytest.fixture(scope="module")
def parameters() -> VisionParameters:
    return random_model("small").parameters


def test_every_array_is_checked(parameters: VisionParameters) -> None:
    """Another size, type or range, or none at all: each is refused by name."""
    arrays = parameters.to_arrays()
    for name, expected in array_specifications(SMALL_SHAPE, VisionWidths()).items():
        array = arrays[name]
        other_sign = array.view(("i" if expected.dtype == "uint8" else "u") + str(array.itemsize))
        wrong: list[Any] = [np.concatenate([array, array]), array[None], array[:0]]
        wrong += [array.astype(np.int64), array.astype(np.float32), other_sign, "text"]
        limits = np.iinfo(array.dtype)
        for value in (expected.smallest - 1, expected.largest + 1):
            if limits.min <= value <= limits.max:
                wrong.append(array.copy())
                wrong[-1].flat[-1] = value
        for item in wrong:
            with pytest.raises(ValueError, match=name.replace(".", r"\.")):
                make_engine(parameters, arrays={**arrays, name: item})
        missing = {other: array for other, array in arrays.items() if other != name}
        with pytest.raises(ValueError, match=f"{name} is missing"):
            make_engine(parameters, arrays=missing)


WIDTHS_OF_8_BITS = dataclasses.asdict(VisionWidths())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shape": {"dim": 12}}, "shape: image_size is missing"),
        ({"widths": {**WIDTHS_OF_8_BITS, "residual": 17}}, "residual is 17, allowed are 8 to 16"),
        ({"widths": {**WIDTHS_OF_8_BITS, "shiftmax_n": 4.5}}, "shiftmax_n must be an integer"),
        ({"kernel": "abacus"}, "kernel 'abacus' is not available on this CPU: choose one of auto"),
        ({"threads": 0}, "threads is 0, allowed are 1 to 64"),
        ({"threads": True}, "threads must be an integer"),
    ],
)  # fmt: skip
def test_wrong_arguments(
    parameters: VisionParameters, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_engine(parameters, **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_size": 7}, "image_size is 7, not a multiple of patch_size, 2"),
        ({"heads": 5}, "dim is 12, not a multiple of heads, 5"),
        ({"image_size": 1024, "patch_size": 1}, "tokens .* is 1048577, allowed are 2 to 8192"),
        ({"layers": 3}, "blocks.2.norm1.bias is missing"),
        ({"layers": 1}, "unknown blocks.1"),
        ({"dim": 4092}, r"weight is int8 \(12, 12\), not int8 \(4092, 12\)"),
    ],
)
def test_wrong_shapes(parameters: VisionParameters, changed: dict[str, int], message: str) -> None:
    shape = {**dataclasses.asdict(SMALL_SHAPE), **changed}
    with pytest.raises(ValueError, match=message):
        make_engine(parameters, shape=shape)


def test_sums_that_overflow(parameters: VisionParameters) -> None:
    arrays = parameters.to_arrays()
    name = "blocks.1.mlp.fc1"
    arrays[f"{name}.weight"] = np.full_like(arrays[f"{name}.weight"], 1)
    arrays[f"{name}.bias"] = np.full_like(arrays[f"{name}.bias"], (1 << 31) - 12 * 128)
    with pytest.raises(ValueError, match=f"{name}: output 0 can reach 2147483648, beyond"):
        make_engine(parameters, arrays=arrays)


def test_shiftmax_of_too_many_tokens() -> None:
    shape = VisionShape(
        image_size=64, patch_size=1, channels=1, dim=2, heads=1, layers=1, hidden=2, classes=2
    )
    widths = {**dataclasses.asdict(VisionWidths()), "shiftmax_n": 24}
    with pytest.raises(ValueError, match="shiftmax_n is 24, too large for sums of 4097"):
        _engine.VisionEngine(shape=dataclasses.asdict(shape), widths=widths, arrays={})
    with pytest.raises(ConfigurationError):
        array_specifications(shape, VisionWidths(shiftmax_n=24))


def test_wrong_pixels(parameters: VisionParameters) -> None:
    engine = make_engine(parameters)
    pixels = random_pixels(SMALL_SHAPE, 2)
    for wrong in (
        pixels[0],
        pixels[:, :5],
        pixels[..., :2],
        pixels.astype(np.int8),
        pixels[:, ::-1],
    ):
        with pytest.raises(ValueError, match="pixels"):
            engine.logits(wrong)
    assert engine.logits(pixels[:0]).shape == (0, SMALL_SHAPE.classes)


def test_arrays_may_change_afterwards(parameters: VisionParameters) -> None:
    pixels = random_pixels(SMALL_SHAPE, 2)
    arrays = {name: array.copy() for name, array in parameters.to_arrays().items()}
    engine = make_engine(parameters, arrays=arrays)
    expected = engine.logits(pixels)
    for array in arrays.values():
        array[...] = 0
    assert np.array_equal(engine.logits(pixels), expected)


FORKED = """
import os
import numpy as np
from tests.engine.test_vision_engine import RandomModel, make_engine
model = RandomModel()
pixels = model.images(3)
engine = make_engine(model.parameters, threads=2)
expected = engine.logits(pixels)
child = os.fork()
same = np.array_equal(engine.logits(pixels), expected)
if child == 0:
    del engine
    os._exit(not same)
_, status = os.waitpid(child, 0)
raise SystemExit(os.waitstatus_to_exitcode(status) or not same)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_child_runs_on_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True, timeout=60)
