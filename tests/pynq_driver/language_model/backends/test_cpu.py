# SPDX-License-Identifier: Apache-2.0
"""The backend on the C++ engine, against the golden model."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import pynq_driver
from pynq_driver import Sampling, _engine
from pynq_driver.language_model.backends.cpu import KERNEL_VARIABLE, CpuBackend
from pynq_driver.language_model.backends.reference import golden_backend
from pynq_driver.language_model.sampler import Sampler
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.image import Image

TOKENS = [1, 17, 250, 3]
DOCUMENTS = [[1, 5, 9, 200], [7, 8]]


def test_scores_are_the_golden_models(small_image: Image) -> None:
    backend, golden = CpuBackend(small_image, threads=1), golden_backend(small_image)
    for _ in range(2):
        found, expected = backend.prefill(TOKENS), golden.prefill(TOKENS)
        assert np.array_equal(found.logits, expected.logits)
        assert np.array_equal(found.ranking, expected.ranking)
        assert dict(backend.saturations()) == dict(golden.saturations())
        backend.reset()
        golden.reset()
    assert [backend.score([item])[0] for item in DOCUMENTS] == golden.score(DOCUMENTS)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_chooser_takes_what_the_sampler_would(small_image: Image, temperature: float) -> None:
    sampling = Sampling(temperature=temperature, top_k=20)
    backend, golden = CpuBackend(small_image, threads=1), golden_backend(small_image)
    chosen = []
    for item in (backend, golden):
        choose, tokens, given = item.chooser(Sampler(sampling, 5)), [], TOKENS
        for _ in range(6):
            given = [choose(given)]
            tokens += given
        chosen.append(tokens)
    assert chosen[0] == chosen[1]


def test_kernel_comes_from_the_environment(
    small_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kernel in _engine.kernels():
        monkeypatch.setenv(KERNEL_VARIABLE, kernel)
        assert CpuBackend(small_image, threads=1).engine.kernel == kernel
    monkeypatch.setenv(KERNEL_VARIABLE, "abacus")
    with pytest.raises(TritforgeError, match="abacus"):
        CpuBackend(small_image, threads=1)


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_threads_out_of_range(small_image: Image, threads: int) -> None:
    with pytest.raises(ConfigurationError, match=f"threads = {threads} is out of range"):
        CpuBackend(small_image, threads=threads)


def test_missing_engine_is_named(small_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pynq_driver, "_engine")
    monkeypatch.setitem(sys.modules, "pynq_driver._engine", None)
    with pytest.raises(TritforgeError, match=r"engine is not installed.*--backend golden"):
        CpuBackend(small_image)
