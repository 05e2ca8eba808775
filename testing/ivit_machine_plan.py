# SPDX-License-Identifier: Apache-2.0
"""Tables of an I-ViT machine: what it needs on chip and how long an image takes."""

from __future__ import annotations

from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.cycles import image_cycles
from tritforge.ivit.machine.memory import block_rams, memories
from tritforge.ivit.shape import VisionShape


def memory_table(config: MachineConfig) -> list[str]:
    """Rows of a Markdown table: every memory, and the sum beside the board's block RAMs."""
    found = memories(config)
    rows = ["| memory | banks | words | bits | kB | BRAM36 | holds |"]
    rows.append("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for item in found:
        rows.append(
            f"| `{item.name}` | {item.banks} | {item.words:,} | {item.bits} | "
            f"{item.bytes / 1000:.1f} | {item.half_blocks / 2:g} | {item.content} |"
        )
    kilobytes = sum(item.bytes for item in found) / 1000
    blocks, budget = block_rams(config), config.board_data.budget.bram36
    rows.append(f"| all | | | | {kilobytes:.1f} | {blocks:g} | the {config.board} has {budget} |")
    return rows


def cycle_table(shape: VisionShape, config: MachineConfig) -> list[str]:
    """Rows of a Markdown table: cycles of one image by kind of operation."""
    image = image_cycles(shape, config)
    rows = ["| operation | times | array | rows | loading | cycles | share |"]
    rows.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind, (count, cycles) in image.by_kind.items():
        rows.append(
            f"| {kind.name} | {count} | {cycles.array:,} | {cycles.rows:,} | {cycles.loading:,} | "
            f"{cycles.total:,} | {100 * cycles.total / image.total:.1f} % |"
        )
    clock = config.board_data.clock_mhz
    ideal = sum(cycles.ideal for _, cycles in image.by_kind.values())
    rows.append(
        f"| image | | | | | {image.total:,} | {image.images_per_second(clock):.1f} images/s at "
        f"{clock} MHz; lanes in use {100 * ideal / image.total:.0f} % |"
    )
    return rows
