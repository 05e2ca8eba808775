# SPDX-License-Identifier: Apache-2.0
"""Where kernels run: in Triton's interpreter on any CPU, compiled on a GPU."""

from __future__ import annotations

import importlib.util
import os

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

HAS_GPU = torch.cuda.is_available()
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
    return torch.device(request.param)
