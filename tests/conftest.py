# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several test packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pynq_driver import EMBEDDED_MODEL
from testing.random_model import random_image
from tritforge.language_model.image import Image, open_image

# The suite runs one process per core: a BLAS with threads of its own would only compete.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

HELD_OUT_TEXT = Path(__file__).parent / "data" / "held_out_stories.txt"


@pytest.fixture(scope="session")
def small_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """A random model of awkward sizes, converted for real."""
    return random_image(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def story_image() -> Image:
    """The embedded story model."""
    return open_image(EMBEDDED_MODEL)


@pytest.fixture(scope="session")
def held_out_text() -> str:
    """Stories the embedded model was not trained on."""
    return HELD_OUT_TEXT.read_text(encoding="utf-8")
