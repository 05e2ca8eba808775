# SPDX-License-Identifier: Apache-2.0
"""Figures of engines that were measured in turns: medians of rounds, ratios of medians, a report.

`benchmarks.compare_peers` measures.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

#: Name of this project's engine; the others are compared with it.
OURS = "tritforge"


@dataclasses.dataclass
class Measured:
    """Seconds per token in each round, and the products' passes of this engine."""

    decode: list[float] = dataclasses.field(default_factory=list)
    prefill: list[float] = dataclasses.field(default_factory=list)
    read: list[float] = dataclasses.field(default_factory=list)
    products: list[float] = dataclasses.field(default_factory=list)
    weight_bytes: int = 0
    peak_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Row:
    """Figures of one engine; None where there are none.

    Attributes:
        decode, prefill: tokens/s.
        slowest, fastest: decoding, tokens/s, of the rounds.
        decode_ratio, prefill_ratio: how many times as fast as it this engine is.
        read_gigabytes, product_gigabytes: a second, this engine alone.
        product_share: of a token's time.
    """

    shape: str
    threads: int
    name: str
    decode: float
    slowest: float
    fastest: float
    prefill: float | None
    decode_ratio: float
    prefill_ratio: float | None
    peak_bytes: int
    read_gigabytes: float | None = None
    product_gigabytes: float | None = None
    product_share: float | None = None


def rows_of(shape_name: str, threads: int, results: dict[str, Measured]) -> list[Row]:
    """Figures of every engine, in the order of `results`: medians of rounds, ratios of medians."""
    ours = results[OURS]
    rows = []
    for name, item in results.items():
        decode = statistics.median(item.decode)
        prefill = statistics.median(item.prefill) if item.prefill else None
        own: dict[str, float] = {}
        if item.read:
            products = statistics.median(item.products)
            own = {
                "read_gigabytes": item.weight_bytes / statistics.median(item.read) / 1e9,
                "product_gigabytes": item.weight_bytes / products / 1e9,
                "product_share": products / decode,
            }
        rows.append(
            Row(
                shape=shape_name,
                threads=threads,
                name=name,
                decode=1 / decode,
                slowest=1 / max(item.decode),
                fastest=1 / min(item.decode),
                prefill=None if prefill is None else 1 / prefill,
                decode_ratio=decode / statistics.median(ours.decode),
                prefill_ratio=(
                    None if prefill is None else prefill / statistics.median(ours.prefill)
                ),
                peak_bytes=item.peak_bytes,
                **own,
            )
        )
    return rows


def report(rows: Sequence[Row]) -> str:
    """Two tables as text: speeds of all engines, and what limits this one."""
    lines = [
        "shape  threads  engine                decode tokens/s (rounds)     ours is   "
        "prompt tokens/s   ours is  peak memory"
    ]
    for row in rows:
        rounds = f"({row.slowest:.1f} - {row.fastest:.1f})"
        prefill, prefill_ratio = "-", "-"
        if row.prefill is not None and row.prefill_ratio is not None:
            prefill, prefill_ratio = f"{row.prefill:.1f}", f"{row.prefill_ratio:.2f} x"
        lines.append(
            f"{row.shape:<6} {row.threads:>7}  {row.name:<20} {row.decode:>8.1f} {rounds:<18} "
            f"{row.decode_ratio:>8.2f} x  {prefill:>15}  {prefill_ratio:>8}  "
            f"{row.peak_bytes / 1e6:>8.0f} MB"
        )
    lines += [
        "",
        "shape  threads  read GB/s  products GB/s  of reading   rest of a token   prompt / decode",
    ]
    for row in rows:
        if row.read_gigabytes is None:
            continue
        assert row.product_gigabytes and row.product_share and row.prefill
        lines.append(
            f"{row.shape:<6} {row.threads:>7}  {row.read_gigabytes:>9.2f}  "
            f"{row.product_gigabytes:>13.2f}  {row.product_gigabytes / row.read_gigabytes:>9.1%}  "
            f"{1 - row.product_share:>16.1%}  {row.prefill / row.decode:>15.2f} x"
        )
    return "\n".join(lines)
