# SPDX-License-Identifier: Apache-2.0
"""Opening a backend by its name."""

from __future__ import annotations

import pytest

from pynq_driver.language_model.backends.cpu import CpuBackend
from pynq_driver.language_model.backends.opening import (
    BACKEND_NAMES,
    MACHINE_BACKENDS,
    open_backend,
)
from pynq_driver.language_model.backends.reference import NumpyBackend
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image


def test_names_open_what_they_say(small_image: Image) -> None:
    assert set(MACHINE_BACKENDS) < set(BACKEND_NAMES)
    assert isinstance(open_backend("cpu", small_image), CpuBackend)
    for name in ("golden", "float"):
        assert isinstance(open_backend(name, small_image), NumpyBackend)


@pytest.mark.parametrize("name", ["", "gpu", "CPU"])
def test_unknown_name_lists_the_known_ones(small_image: Image, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name!r} is unknown: .*cpu, golden, float"):
        open_backend(name, small_image)
