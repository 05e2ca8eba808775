# SPDX-License-Identifier: Apache-2.0
"""The extension under test: the installed one, or the one of TRITFORGE_ENGINE_DIRECTORY."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import pynq_driver
from tritforge.language_model.golden.sigmoid import sigmoid_table
from tritforge.language_model.image import Image

DIRECTORY_VARIABLE = "TRITFORGE_ENGINE_DIRECTORY"

if DIRECTORY_VARIABLE in os.environ:
    # A build folder with another build of the extension (benchmarks/run_sanitized.py). Loaded from
    # its file: an editable installation knows the installed one by its full name.
    (_file,) = Path(os.environ[DIRECTORY_VARIABLE]).glob("_engine.*.so")
    _spec = importlib.util.spec_from_file_location("pynq_driver._engine", _file)
    assert _spec is not None and _spec.loader is not None
    sys.modules[_spec.name] = pynq_driver._engine = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(pynq_driver._engine)

if importlib.util.find_spec("pynq_driver._engine") is None:
    pytest.skip(
        "this is a pure Python installation without the C++ engine; `pip install .` builds it",
        allow_module_level=True,
    )

from pynq_driver import _engine  # noqa: E402

KERNELS = tuple(_engine.kernels())

runs_other_programs = pytest.mark.skipif(
    _engine.build_info["sanitized"],
    reason="the sanitizers loaded before Python would also be loaded into compilers and emulators",
)


def engine_arguments(image: Image) -> dict[str, Any]:
    """Keyword arguments of `_engine.Engine` for an image."""
    widths = image.header.widths
    return {
        "weights": image.weight_stream,
        "parameters": image.parameter_stream,
        "embedding": image.embedding.elements,
        "embedding_type": str(image.embedding.kind),
        "embedding_exponents": image.embedding.exponents,
        "residual_fraction": image.header.residual_fraction,
        "shape": dataclasses.asdict(image.header.shape),
        "rows_per_beat": image.header.rows_per_beat,
        "widths": dataclasses.asdict(widths),
        "sigmoid_table": sigmoid_table(widths.sigmoid_fraction),
    }


def make_engine(image: Image, kernel: str = "auto", threads: int = 1) -> _engine.Engine:
    """Engine of an image."""
    return _engine.Engine(**engine_arguments(image), kernel=kernel, threads=threads)
