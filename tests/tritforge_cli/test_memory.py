# SPDX-License-Identifier: Apache-2.0
"""Memory use of this process, and how it is printed."""

from __future__ import annotations

import numpy as np

from tritforge_cli.memory import megabytes, peak_memory_bytes


def test_peak_grows_with_what_was_used() -> None:
    before = peak_memory_bytes()
    used = np.ones(before // 8 + (64 << 20) // 8)  # more than ever before
    assert peak_memory_bytes() >= before + (32 << 20)
    del used
    assert peak_memory_bytes() >= before + (32 << 20), "it is the peak"


def test_megabytes_are_decimal() -> None:
    assert [megabytes(count) for count in (0, 50_000, 1_000_000, 114_960_000)] == [
        *("0.0 MB", "0.1 MB", "1.0 MB", "115.0 MB")
    ]
