# SPDX-License-Identifier: Apache-2.0
"""Integers of every site of a run, by upstream's names, for comparisons."""

from __future__ import annotations

from tritforge.fixed_point import Int64Array

Trace = dict[str, Int64Array]


def note(trace: Trace | None, site: str, values: Int64Array) -> Int64Array:
    """Keep `values` under `site` where a trace is wanted, and hand them on."""
    if trace is not None:
        trace[site] = values
    return values
