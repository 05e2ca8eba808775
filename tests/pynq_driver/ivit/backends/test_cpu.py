# SPDX-License-Identifier: Apache-2.0
"""The backend on the C++ engine, against the golden model."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from pynq_driver.ivit.backends.cpu import CpuVisionBackend
from testing.ivit_random_model import RandomModel
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.golden import IvitGoldenModel


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


def test_logits_are_the_golden_models(model: RandomModel) -> None:
    backend, pixels = CpuVisionBackend(model.parameters, threads=2), model.images(5)
    assert (backend.name, backend.threads) == ("cpu", 2)
    expected = IvitGoldenModel(model.parameters).logits(pixels)
    assert np.array_equal(backend.logits(pixels), expected)
    # Arrays and pixels need not be contiguous.
    scattered = replace(
        model.parameters, input_table=np.asfortranarray(model.parameters.input_table)
    )
    assert np.array_equal(CpuVisionBackend(scattered).logits(pixels[::2]), expected[::2])


def test_wrong_arguments(model: RandomModel) -> None:
    for threads in (0, -1, 100_000):
        with pytest.raises(ConfigurationError, match=f"threads = {threads}"):
            CpuVisionBackend(model.parameters, threads=threads)
    with pytest.raises(ConfigurationError, match="kernel 'abacus' is not available on this CPU"):
        CpuVisionBackend(model.parameters, kernel="abacus")


def test_wrong_pixels(model: RandomModel) -> None:
    backend, pixels = CpuVisionBackend(model.parameters), model.images(2)
    for wrong in (pixels[0], pixels[:, :4], pixels.astype(np.int64)):
        with pytest.raises(ConfigurationError, match=r"give uint8 \(images, 6, 6, 3\)"):
            backend.logits(wrong)  # type: ignore[arg-type]
    backend.close()
    with pytest.raises(ConfigurationError, match="the backend is closed"):
        backend.logits(pixels)


def test_without_the_engine(model: RandomModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pynq_driver._engine", raising=False)
    monkeypatch.setitem(sys.modules, "pynq_driver._engine", None)
    with pytest.raises(TritforgeError, match="the C\\+\\+ engine is not installed"):
        CpuVisionBackend(model.parameters)
