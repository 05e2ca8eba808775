# SPDX-License-Identifier: Apache-2.0
"""What an I-ViT machine needs on chip and how long an image takes, derived from its configuration.

    python -m benchmarks.ivit_machine_plan --model deit-tiny
    python -m benchmarks.ivit_machine_plan --model fashion-mnist --machine deit-tiny

Cycles are those of a model (`tritforge.ivit.machine.cycles`), not of a simulation.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from testing.ivit_machine_plan import cycle_table, memory_table
from tritforge.ivit.machine.config import MachineConfig, machine_for
from tritforge.ivit.shape import PRESETS


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", choices=tuple(PRESETS), default="deit-tiny")
    parser.add_argument("--machine", choices=tuple(PRESETS), help="model that it is made for")
    parser.add_argument("--elements", type=int, default=MachineConfig.elements)
    options = parser.parse_args(argv)
    config = machine_for(PRESETS[options.machine or options.model], elements=options.elements)
    lanes = f"{config.token_lanes} x {config.feature_lanes} x {config.result_lanes}"
    print(f"lanes {lanes}, multipliers of the array {config.array_multipliers}\n")
    print("\n".join(memory_table(config)), end="\n\n")
    print("\n".join(cycle_table(PRESETS[options.model], config)))


if __name__ == "__main__":
    main()
