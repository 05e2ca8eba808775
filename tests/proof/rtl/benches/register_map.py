# SPDX-License-Identifier: Apache-2.0
"""A small register map with every kind of access, and holes between its registers."""

from __future__ import annotations

from tritforge.register_map import Access, Field, Register, RegisterMap

WIDE, BYTE = 32, 8

MAP = RegisterMap(
    "bench_registers",
    (
        Register(
            "identity",
            0x0,
            "Constants.",
            (Field("magic", 0, WIDE, Access.CONSTANT, "A constant.", 0xC0FFEE42),),
        ),
        Register(
            "options",
            0x4,
            "Fields that cross byte lanes.",
            (
                Field("small", 1, 3, Access.READ_WRITE, "Three bits.", 5),
                Field("crossing", 6, 12, Access.READ_WRITE, "Twelve bits in three bytes.", 0xABC),
                Field("top", 31, 1, Access.READ_WRITE, "The highest bit."),
            ),
        ),
        Register(
            "command",
            0x10,
            "Pulses beside a value.",
            (
                Field("go", 0, 1, Access.PULSE, "A pulse."),
                Field("clear", 1, 1, Access.PULSE, "Clears the counter."),
                Field("lines", 8, 4, Access.PULSE, "Four pulses."),
                Field("mode", 16, BYTE, Access.READ_WRITE, "A value.", 0x5A),
            ),
        ),
        Register(
            "state",
            0x14,
            "What the hardware says.",
            (
                Field("level", 0, 16, Access.READ_ONLY, "A level."),
                Field("flags", 20, 6, Access.WRITE_ONE_TO_CLEAR, "Sticky flags."),
            ),
        ),
        Register(
            "busy",
            0x40,
            "A counter.",
            (Field("count", 0, WIDE, Access.COUNTER, "Busy cycles."),),
        ),
        Register(
            "last",
            0xFFC,
            "The highest offset.",
            (Field("value", 0, WIDE, Access.READ_WRITE, "All bits."),),
        ),
    ),
    counter_clear="command.clear",
)
