# SPDX-License-Identifier: Apache-2.0
"""Figures of engines that were measured in turns."""

from __future__ import annotations

from testing.peer_figures import OURS, Measured, report, rows_of


def test_ratios_are_of_medians() -> None:
    results = {
        OURS: Measured(
            decode=[0.01, 0.02, 0.01],
            prefill=[0.001, 0.001, 0.009],
            read=[0.005, 0.004, 0.004],
            products=[0.005, 0.005, 0.9],
            weight_bytes=40_000_000,
        ),
        "other": Measured(decode=[0.04, 0.03, 0.9], prefill=[0.003, 0.002, 0.002]),
        "no prompt": Measured(decode=[1.0, 1.0, 1.0]),
    }
    ours, other, third = rows_of("370m", 2, results)
    assert (ours.decode, ours.slowest, ours.fastest) == (100, 50, 100)
    assert other.decode_ratio == 4 and other.prefill_ratio == 2
    assert ours.read_gigabytes == 10 and ours.product_gigabytes == 8
    assert ours.product_share == 0.5
    assert third.prefill is None and third.decode_ratio == 100
    text = report([ours, other, third])
    assert "4.00 x" in text and "80.0%" in text and "50.0%" in text
