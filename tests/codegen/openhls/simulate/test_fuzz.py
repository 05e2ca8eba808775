# SPDX-License-Identifier: Apache-2.0
"""A short run of the translator fuzz; the long one is `python -m benchmarks.fuzz_open_flow`."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.openhls.fuzz import fuzz_batch


@pytest.mark.cosim
def test_random_kernels_agree(tmp_path: Path) -> None:
    result = fuzz_batch(range(1, 25), 2, tmp_path)
    assert not result.failures
    assert result.verilated == 2
    assert result.kernels >= 20
    assert result.words > 20 * result.kernels
