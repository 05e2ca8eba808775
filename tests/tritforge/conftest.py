# SPDX-License-Identifier: Apache-2.0
"""One small converted model, shared by the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.random_model import random_image
from tritforge.language_model.image import Image


@pytest.fixture(scope="session")
def small_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Random model of the smallest sensible shape, float section included."""
    return random_image(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_checkpoint(small_image: Image) -> Path:
    """The checkpoint directory behind `small_image`; copy it before changing it."""
    return small_image.path.parent / "checkpoint"
