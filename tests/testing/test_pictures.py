# SPDX-License-Identifier: Apache-2.0
"""A short, seeded run of the fuzzer of pictures; `benchmarks.fuzz_pictures` is the long one."""

from __future__ import annotations

from testing.fuzzing.pictures import VARIANTS, run_mutated_pictures


def test_mutated_pictures_become_pixels_or_an_error() -> None:
    count = 10 * len(VARIANTS)
    runs = run_mutated_pictures(count, seed=2024)
    assert not runs.crashes
    assert runs.read + runs.refused == count
    assert runs.read > count // 10 and len(runs.reasons) > 5
