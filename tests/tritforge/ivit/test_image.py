# SPDX-License-Identifier: Apache-2.0
"""Images of vision transformers: round trip, and damage refused with a helpful text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from testing.image_editing import (
    Header,
    header_of,
    section_offset,
    with_bytes,
    with_header,
    with_repaired_hashes,
)
from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.container.reading import container_kind
from tritforge.errors import ConfigurationError, ImageError, TritforgeError
from tritforge.ivit.array_layout import array_layout
from tritforge.ivit.image import VisionImage, open_vision_image, write_vision_image
from tritforge.ivit.image_header import MAXIMUM_LABEL_CHARACTERS
from tritforge.ivit.parameters import array_specifications
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import preset
from tritforge.language_model.image import open_image

FORMATS = list(WeightFormat)


@pytest.fixture(scope="module", params=FORMATS, ids=str)
def model(request: pytest.FixtureRequest) -> RandomModel:
    return RandomModel(weight_format=request.param)


@pytest.fixture
def image(model: RandomModel, tmp_path: Path) -> VisionImage:
    return write_random_image(tmp_path, model, with_float=True)


def test_everything_comes_back(image: VisionImage, model: RandomModel) -> None:
    expected = model.parameters.to_arrays()
    found = image.parameters.to_arrays()
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype, name
    assert image.tensors is not None
    for name, tensor in model.tensors.items():
        assert np.array_equal(image.tensors[name], tensor)
    header = image.header
    assert (header.shape, header.widths) == (model.shape, model.widths)
    assert header.preprocessing == model.preprocessing
    assert header.weight_format is model.weight_format
    assert header.labels[3] == "class 3"
    assert header.source == {"seed": "0"}


def test_arrays_are_views_that_nobody_writes(image: VisionImage) -> None:
    bias = image.parameters.head.classifier.bias
    assert not bias.flags.owndata and not bias.flags.writeable


def test_float_section_may_be_missing(tmp_path: Path) -> None:
    image = write_random_image(tmp_path)
    assert image.tensors is None and list(image.sections) == ["arrays"]


def test_writing_twice_gives_the_same_bytes(tmp_path: Path, model: RandomModel) -> None:
    one, two = (write_random_image(tmp_path / name, model).path.read_bytes() for name in "ab")
    assert one == two


def test_ternary_matrices_have_five_weights_per_byte() -> None:
    shape, widths = preset("deit-tiny"), RandomModel().widths
    sizes = {
        weight_format: array_layout(shape, widths, weight_format).bytes for weight_format in FORMATS
    }
    blocks = sum(
        math.prod(item.shape)
        for name, item in array_specifications(shape, widths).items()
        if name.startswith("blocks.") and name.endswith(".weight")
    )
    saved = sizes[WeightFormat.INT8] - sizes[WeightFormat.TERNARY]
    assert 0.79 * blocks < saved <= 0.8 * blocks


def test_arrays_lie_where_the_document_says() -> None:
    model = RandomModel()
    end = 0
    layout = array_layout(model.shape, model.widths, WeightFormat.INT8)
    for name, item in array_specifications(model.shape, model.widths).items():
        stored = layout.arrays[name]
        assert stored.offset == -(-end // 64) * 64
        end = stored.offset + math.prod(item.shape) * np.dtype(item.dtype).itemsize
    assert layout.bytes == -(-end // 64) * 64


def test_the_kind_is_known_before_the_file_is_opened(image: VisionImage, tmp_path: Path) -> None:
    assert container_kind(image.path) == "ivit"
    with pytest.raises(ImageError, match="kind 'ivit', but one of kind 'language-model'"):
        open_image(image.path)
    (tmp_path / "no").write_bytes(b"x" * 100)
    with pytest.raises(ImageError, match="no: not a Tritforge image"):
        container_kind(tmp_path / "no")
    with pytest.raises(ImageError, match=r"cannot read .*missing"):
        container_kind(tmp_path / "missing")


def set_key(*path: str, to: Any) -> Callable[[Header], object]:
    def change(header: Header) -> None:
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_key("shape", "dim", to=16.0), "dim must be an integer"),
        (set_key("shape", "dim", to=10**9), "dim = 1000000000 is out of range"),
        (set_key("shape", "depth", to=3), "unknown ['depth']"),
        (set_key("shape", to=None), "shape must be an object"),
        (set_key("widths", "residual", to=17), "residual = 17 is out of range"),
        (set_key("weight_format", to="int4"), "weight_format is 'int4': one of int8, ternary"),
        (set_key("weight_format", to=[]), "weight_format is []"),
        (set_key("labels", to=["a"]), "1 labels for 5 classes"),
        (set_key("labels", to=["a", "b", "c", "d", "\x1b[31m"]), "label 4 is"),
        (set_key("labels", to="abcde"), "labels must be a list"),
        (set_key("preprocessing", "std", to=[0, 1, 1]), "std above 0"),
        (set_key("preprocessing", "mean", to=[True, 1, 1]), "mean must be a list of numbers"),
        (set_key("preprocessing", "crop", to=2), "crop = 2"),
        (set_key("preprocessing", "crop", to=10**400), "too large"),
        (set_key("preprocessing", "light_on_dark", to=1), "light_on_dark must be true or false"),
        (set_key("preprocessing", "mean", to=[0.5]), "1 means and 3 standard deviations"),
        (set_key("name", to="\x07"), "name = "),
        (set_key("source", to={"a": 1}), "source: must map"),
        (set_key("extra", to=1), "unknown ['extra']"),
        (set_key("shape", "hidden", to=24), "the header implies"),
    ],
)
def test_wrong_header_is_refused(
    image: VisionImage, change: Callable[[Header], object], words: str
) -> None:
    image.path.write_bytes(with_header(image.path.read_bytes(), change))
    with pytest.raises(ImageError) as refused:
        open_vision_image(image.path)
    assert words in str(refused.value) and str(image.path) in str(refused.value)


def write_word(data: bytes, name: str, value: int, size: int) -> bytes:
    """A word at the start of an array, hashes repaired."""
    model = RandomModel()
    stored = array_layout(model.shape, model.widths, WeightFormat.INT8).arrays[name]
    position = section_offset(data, "arrays") + stored.offset
    word = value.to_bytes(size, "little", signed=True)
    return with_repaired_hashes(with_bytes(data, position, word))


@pytest.mark.parametrize(
    ("name", "value", "size"),
    [
        ("blocks.1.attention.x0_magnitude", 0, 4),
        ("blocks.0.attention.qkv.requantisation.multiplier", -1, 4),
        ("blocks.0.attention.qkv.requantisation.shift", 64, 1),
        ("head.logit_fraction", 25, 4),
        ("patch_embedding.constant", 1 << 20, 4),
        ("blocks.0.mlp.fc1.bias", (1 << 31) - 1, 4),
    ],
)
def test_numbers_out_of_range_are_named(tmp_path: Path, name: str, value: int, size: int) -> None:
    path = write_random_image(tmp_path).path
    path.write_bytes(write_word(path.read_bytes(), name, value, size))
    with pytest.raises(ImageError, match=f"section arrays: {name.rpartition('.')[0]}"):
        open_vision_image(path)


def test_invalid_codes_of_ternary_weights_are_refused(tmp_path: Path) -> None:
    model = RandomModel(weight_format=WeightFormat.TERNARY)
    path = write_random_image(tmp_path, model).path
    stored = array_layout(model.shape, model.widths, model.weight_format).arrays
    name = "blocks.0.attention.qkv.weight"
    position = section_offset(path.read_bytes(), "arrays") + stored[name].offset
    # 12 columns: the last byte of a row has three weights that are padding.
    for byte, at, words in ((0x3F, 0, "0x3f, not a code"), (0x01, 2, "padding of a matrix")):
        data = with_repaired_hashes(with_bytes(path.read_bytes(), position + at, bytes([byte])))
        (tmp_path / "wrong").write_bytes(data)
        with pytest.raises(ImageError, match=f"{name}: .*{words}"):
            open_vision_image(tmp_path / "wrong")


def test_bytes_between_arrays_are_zero(tmp_path: Path) -> None:
    path = write_random_image(tmp_path).path
    data = path.read_bytes()
    model = RandomModel()
    stored = array_layout(model.shape, model.widths, WeightFormat.INT8).arrays[
        "head.logit_fraction"
    ]
    last = section_offset(data, "arrays") + stored.offset + 4
    path.write_bytes(with_repaired_hashes(with_bytes(data, last, b"\1")))
    with pytest.raises(ImageError, match="padding after the last array"):
        open_vision_image(path)


def test_float_numbers_are_finite(image: VisionImage) -> None:
    data = image.path.read_bytes()
    position = header_of(data)["sections"]["float"]["offset"]
    word = np.array([np.nan], "<f4").tobytes()
    image.path.write_bytes(with_repaired_hashes(with_bytes(data, position, word)))
    with pytest.raises(ImageError, match="section float: cls_token holds numbers"):
        open_vision_image(image.path)


def test_labels_have_room_in_the_header(image: VisionImage) -> None:
    long = tuple("x" * 2000 for _ in range(MAXIMUM_LABEL_CHARACTERS // 2000 + 1))
    shape = dataclasses.replace(image.header.shape, classes=len(long))
    with pytest.raises(ConfigurationError, match="shorten them"):
        dataclasses.replace(image.header, shape=shape, labels=long)


def test_a_failed_write_leaves_nothing(image: VisionImage, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    other = dataclasses.replace(image.header.shape, heads=4)
    wrong = dataclasses.replace(image.header, shape=other)
    with pytest.raises(TritforgeError, match="another shape"):
        write_vision_image(folder / "x.tritforge", wrong, image.parameters)
    if image.header.weight_format is WeightFormat.INT8:
        ternary = dataclasses.replace(image.header, weight_format=WeightFormat.TERNARY)
        with pytest.raises(TritforgeError, match="weights other than -1, 0 and 1"):
            write_vision_image(folder / "x.tritforge", ternary, image.parameters)
    assert not list(folder.iterdir())
