# SPDX-License-Identifier: Apache-2.0
"""Where kernels run: in Triton's interpreter on any CPU, compiled on a GPU."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import torch


def has_gpu() -> bool:
    """Whether PyTorch is there and sees a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


#: Before it, the interpreter turns arrays of one element into numbers, which NumPy refuses.
INTERPRETER = (3, 9)
HAS_GPU = has_gpu()
if not HAS_GPU:
    # Read when the kernels are imported.
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Device of a test of kernels; skipped where they do not run."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("needs Triton, whose wheels are for Linux")
    if request.param == "cuda" and not HAS_GPU:
        pytest.skip("needs a GPU")
    if request.param == "cpu" and HAS_GPU:
        pytest.skip("kernels are compiled where there is a GPU, not interpreted")
    if request.param == "cpu" and tuple(map(int, version("triton").split(".")[:2])) < INTERPRETER:
        pytest.skip("needs Triton 3.9 or later for its interpreter")
    import torch

    return torch.device(request.param)
