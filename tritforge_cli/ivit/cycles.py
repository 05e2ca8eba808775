# SPDX-License-Identifier: Apache-2.0
"""The table of an image's cycles, operation by operation."""

from __future__ import annotations

from pynq_driver.ivit.performance import (
    ARRAY_CYCLES,
    MeasuredStep,
    image_counts,
    image_parts,
    linear_utilisation,
)


def cycles_by_step(measured: list[MeasuredStep], layers: int) -> dict[str, dict[str, int]]:
    """Step -> times, cycles and beats of an image of so many blocks."""
    found: dict[str, dict[str, int]] = {}
    for item in measured:
        row = found.setdefault(item.name, {"times": 0, "cycles": 0, "beats": 0})
        times = layers if item.is_of_block else 1
        row["times"] += times
        row["cycles"] += times * item.counts["cycles"]
        row["beats"] += times * item.counts["array_beats"]
    return found


def cycle_lines(measured: list[MeasuredStep], layers: int, clock_mhz: float) -> list[str]:
    """Lines of the table, the image's rate, and what the array does in that time."""
    total = image_counts(measured, layers)
    lines = [f"{'operation':<16}{'times':>6}{'cycles':>12}{'share':>9}{'array beats':>13}"]
    for step, row in cycles_by_step(measured, layers).items():
        share = row["cycles"] / total["cycles"]
        lines.append(
            f"{step:<16}{row['times']:>6}{row['cycles']:>12,}{share:>9.1%}{row['beats']:>13,}"
        )
    rate = clock_mhz * 1e6 / total["cycles"]
    lines += [
        f"{'image':<22}{total['cycles']:>12,}   {rate:.2f} images/s at {clock_mhz:g} MHz",
        "",
        "cycles by part",
    ]
    lines += [
        f"  {what:<40}{cycles:>12,}{cycles / total['cycles']:>9.1%}"
        for what, cycles in image_parts(measured, layers).items()
    ]
    lines += [
        f"  beats while linear layers run {linear_utilisation(measured, layers):.1%}",
        "",
        "the array",
    ]
    lines += [
        f"  {what:<40}{total[name] / total['cycles']:>8.1%}" for what, name in ARRAY_CYCLES.items()
    ]
    return lines
