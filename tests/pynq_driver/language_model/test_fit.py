# SPDX-License-Identifier: Apache-2.0
"""Which accelerator runs which image."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pynq_driver.language_model.fit import check_fit, config_for
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import Widths
from tritforge.language_model.image import Image


def test_smallest_accelerator_has_the_shape_of_the_image(small_image: Image) -> None:
    config, header = config_for(small_image), small_image.header
    assert config.shape == header.shape
    assert config.rows_per_beat == header.rows_per_beat
    assert config.widths == header.widths
    check_fit(config, small_image)


def test_changes_are_taken_and_checked(small_image: Image) -> None:
    assert config_for(small_image, lanes=4, ports=1).lanes == 4
    with pytest.raises(ConfigurationError, match="lanes = 3 is not available"):
        config_for(small_image, lanes=3)


@pytest.mark.parametrize("name", ["dim", "layers", "glu_width", "vocabulary"])
def test_every_size_must_be_large_enough(small_image: Image, name: str) -> None:
    needed = getattr(small_image.header.shape, name)
    check_fit(config_for(small_image, **{name: needed + 1}), small_image)
    option = f"--{name.replace('_', '-')} {needed} or more"
    message = f"needs {name} = {needed}, the accelerator has {needed - 1}: generate one with"
    with pytest.raises(ConfigurationError, match=f"{message} {option}"):
        check_fit(config_for(small_image, **{name: needed - 1}), small_image)


def test_other_widths_do_not_fit(small_image: Image) -> None:
    config = dataclasses.replace(config_for(small_image), widths=Widths(root=15))
    with pytest.raises(ConfigurationError, match=re.escape("for other bit widths")):
        check_fit(config, small_image)
