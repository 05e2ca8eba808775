# SPDX-License-Identifier: Apache-2.0
"""A vision model: pictures in, labels out; and `load`, which tells kinds apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pynq_driver import LanguageModel, load
from pynq_driver.ivit import model as vision
from pynq_driver.ivit.model import VisionModel, load_vision
from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.errors import ConfigurationError, ImageError, TritforgeError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.image import VisionImage


@pytest.fixture(scope="module")
def golden(vision_image: VisionImage) -> VisionModel:
    return load_vision(vision_image.path, "golden")


def test_classes_come_best_first_with_softmax(
    golden: VisionModel, random_model: RandomModel
) -> None:
    pixels = random_model.images(4)
    logits = IvitGoldenModel(random_model.parameters).logits(pixels)
    unit = 2.0 ** -int(random_model.parameters.head.logit_fraction[0])
    for row, found in zip(logits, golden.classify_pixels(pixels, top=3)):
        assert found.index == row.argmax()
        assert found.label == f"class {found.index}"
        assert [guess.index for guess in found.guesses] == np.argsort(-row)[:3].tolist()
        exponentials = np.exp(row * unit)
        for guess in found.guesses:
            assert guess.logit == row[guess.index] * unit
            assert guess.probability == pytest.approx(
                exponentials[guess.index] / exponentials.sum()
            )


def test_a_picture_of_the_models_size_is_what_it_sees(
    golden: VisionModel, random_model: RandomModel
) -> None:
    (pixels,) = random_model.images(1)
    assert golden.classify(pixels) == golden.classify_pixels(pixels[None])[0]
    assert len(golden.classify(pixels, top=99).guesses) == random_model.shape.classes


def test_backends_agree(vision_image: VisionImage, random_model: RandomModel) -> None:
    pixels = random_model.images(6)
    unit = 2.0 ** -int(random_model.parameters.head.logit_fraction[0])
    exact, golden = (
        load_vision(vision_image.path, name).logits(pixels) * unit for name in ("float", "golden")
    )
    assert np.linalg.norm(golden - exact) < 0.2 * np.linalg.norm(exact)


def test_load_tells_kinds_apart(vision_image: VisionImage) -> None:
    assert isinstance(load(vision_image.path), VisionModel)
    assert isinstance(load(str(vision_image.path), "golden"), VisionModel)
    assert isinstance(load(backend="golden"), LanguageModel)
    with pytest.raises(ImageError, match="cannot read"):
        load("missing.tritforge")


@pytest.mark.parametrize("top", [0, -1, 2.5])
def test_top_is_checked(golden: VisionModel, random_model: RandomModel, top: int) -> None:
    with pytest.raises(ConfigurationError, match=f"top .*{top}"):
        golden.classify(random_model.images(1)[0], top=top)


def test_an_image_that_is_written_to_is_an_error(tmp_path: Path, random_model: RandomModel) -> None:
    model = load_vision(write_random_image(tmp_path, random_model).path, "golden")
    path = model.image.path
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ImageError, match="was changed while it is in use"):
        model.classify(random_model.images(1)[0])


def test_without_an_embedded_model_one_has_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vision, "EMBEDDED_VISION_MODEL", tmp_path / "none")
    with pytest.raises(TritforgeError, match="no embedded vision model: name an image"):
        load_vision()
