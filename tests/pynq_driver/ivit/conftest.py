# SPDX-License-Identifier: Apache-2.0
"""Images of random vision transformers."""

from __future__ import annotations

import pytest

from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.ivit.image import VisionImage


@pytest.fixture(scope="session")
def random_model() -> RandomModel:
    return RandomModel()


@pytest.fixture(scope="session")
def vision_image(
    tmp_path_factory: pytest.TempPathFactory, random_model: RandomModel
) -> VisionImage:
    """A colour model of awkward sizes, with its float section."""
    return write_random_image(tmp_path_factory.mktemp("ivit"), random_model, with_float=True)
