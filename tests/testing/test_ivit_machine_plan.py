# SPDX-License-Identifier: Apache-2.0
"""docs/ivit-machine.md: its tables are those that the configuration gives."""

from __future__ import annotations

from testing.ivit_machine_plan import cycle_table, memory_table
from testing.repository import ROOT
from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.machine.operations import PLACES
from tritforge.ivit.shape import preset

DOCUMENT = (ROOT / "docs" / "ivit-machine.md").read_text(encoding="utf-8")
TINY, EMBEDDED = preset("deit-tiny"), preset("fashion-mnist")


def test_memories_and_cycles_are_derived() -> None:
    for table in (
        memory_table(machine_for(TINY)),
        cycle_table(TINY, machine_for(TINY)),
        cycle_table(EMBEDDED, machine_for(EMBEDDED)),
    ):
        assert "\n".join(table) in DOCUMENT, "run python -m benchmarks.ivit_machine_plan"


def test_the_table_of_operations_is_derived() -> None:
    rows = [
        f"| {kind.name} | {place.source} | {place.target} | {place.meaning} |"
        for kind, place in PLACES.items()
    ]
    assert "\n".join(rows) in DOCUMENT
