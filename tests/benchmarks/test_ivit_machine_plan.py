# SPDX-License-Identifier: Apache-2.0
"""`benchmarks.ivit_machine_plan`: the command prints both tables."""

from __future__ import annotations

from testing.ivit_machine_plan import cycle_table, memory_table
from tests.benchmarks.script import run_script
from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.shape import preset


def test_the_command_prints_both_tables() -> None:
    result = run_script("ivit_machine_plan", "--model", "fashion-mnist")
    shape = preset("fashion-mnist")
    config = machine_for(shape)
    for table in (memory_table(config), cycle_table(shape, config)):
        assert "\n".join(table) in result.stdout
