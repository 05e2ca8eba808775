# SPDX-License-Identifier: Apache-2.0
"""Opening a backend of a vision transformer by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pynq_driver.ivit.backends import opening
from pynq_driver.ivit.backends.opening import has_vision_engine, open_vision_backend
from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.image import VisionImage


@pytest.mark.parametrize("name", ["golden", "float"])
def test_names_open_what_they_say(vision_image: VisionImage, name: str) -> None:
    assert open_vision_backend(name, vision_image).name == name


def test_automatic_takes_the_fastest_that_there_is(
    vision_image: VisionImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "cpu" if has_vision_engine() else "golden"
    assert open_vision_backend("auto", vision_image).name == expected
    monkeypatch.setattr(opening, "has_vision_engine", lambda: False)
    assert open_vision_backend("auto", vision_image).name == "golden"
    with pytest.raises(TritforgeError, match="not built here; use the backend golden"):
        open_vision_backend("cpu", vision_image)


@pytest.mark.skipif(not has_vision_engine(), reason="the engine for vision is not built")
def test_engine_gives_the_golden_integers(
    vision_image: VisionImage, random_model: RandomModel
) -> None:
    pixels = random_model.images(5)
    golden = open_vision_backend("golden", vision_image).logits(pixels)
    engine = open_vision_backend("cpu", vision_image, threads=2)
    assert engine.name == "cpu"
    assert np.array_equal(engine.logits(pixels), golden)
    engine.close()


@pytest.mark.parametrize("name", ["", "gpu", "CPU"])
def test_unknown_name_lists_the_known_ones(vision_image: VisionImage, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name!r} is unknown: .*auto, cpu, golden"):
        open_vision_backend(name, vision_image)


def test_threads_belong_to_the_engine(vision_image: VisionImage) -> None:
    with pytest.raises(ConfigurationError, match="threads belong to backend cpu, not to golden"):
        open_vision_backend("golden", vision_image, threads=2)


def test_float_needs_its_section(tmp_path: Path) -> None:
    with pytest.raises(TritforgeError, match="--keep-float"):
        open_vision_backend("float", write_random_image(tmp_path))
