# SPDX-License-Identifier: Apache-2.0
"""A reader of waveforms (VCD, IEEE 1364-2005 clause 18) of one clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def clock_cycles(
    path: Path, signals: Sequence[str], clock: str = "TOP.clk"
) -> Iterator[Mapping[str, int]]:
    """Values of some signals just before every rising edge of the clock.

    Args:
        signals: names with their scopes, as is that of the clock, which is always among them.
    """
    scopes: list[str] = []
    names: dict[str, list[str]] = {}
    values: dict[str, int] = {}
    before: dict[str, int] = {}
    with path.open(encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            match words:
                case ["$scope", _, name, *_]:
                    scopes.append(name)
                case ["$upscope", *_]:
                    scopes.pop()
                case ["$var", _, _, code, name, *_]:
                    full = ".".join([*scopes, name])
                    if full in signals or full == clock:
                        names.setdefault(code, []).append(full)
                case [time] if time.startswith("#"):
                    if values.get(clock) == 1 and before.get(clock) == 0:
                        yield before
                    before = dict(values)
                case [bits, code] if bits[0] == "b":
                    values.update((name, int(bits[1:], 2)) for name in names.get(code, []))
                case [change] if change[0] in "01":
                    values.update((name, int(change[0])) for name in names.get(change[1:], []))
    if values.get(clock) == 1 and before.get(clock) == 0:
        yield before
