# SPDX-License-Identifier: Apache-2.0
"""What the I-ViT machine looks like from outside, from its configuration."""

from __future__ import annotations

import dataclasses

from tritforge.error_code import ErrorCode
from tritforge.ivit.machine.config import MachineConfig
from tritforge.machine_interface import (
    Activity,
    CommandField,
    Direction,
    MachineInterface,
    PacketStream,
    Size,
    stream_flags,
)

NAME = "ivit"
#: Input streams in the order of the result's flags; `ImagePackets` has a field for each.
INPUTS = ("program", "weights", "positions", "patches")
OUTPUT = "logits"
#: The matrix array waits for right operands while weights are loaded, for left ones while a row
#: unit is at work.
ARRAY = Activity("array", "the matrix array", ("rights", "lefts"))
#: Row units: what they wait for is what the array has not made yet.
ROW_UNITS = (
    Activity("layer_norm", "I-LayerNorm", ("inputs",)),
    Activity("shiftmax", "Shiftmax", ("inputs",)),
    Activity("shiftgelu", "ShiftGELU", ("inputs",)),
)
_SIZES = (
    "dim",
    "heads",
    "layers",
    "tokens",
    "classes",
    "hidden",
    "patch_inputs",
    "token_lanes",
    "feature_lanes",
    "result_lanes",
)


def machine_interface(config: MachineConfig) -> MachineInterface:
    """Streams, command, result and registers of one generated machine."""
    streams = (
        *(PacketStream(name, Direction.INPUT) for name in INPUTS),
        PacketStream(OUTPUT, Direction.OUTPUT),
    )
    meanings = {item.name: item.metadata["meaning"] for item in dataclasses.fields(config)}
    return MachineInterface(
        NAME,
        config.fingerprint(),
        streams,
        (CommandField("reserved", 1, "Has no meaning yet: give 0."),),
        tuple(code.name.lower() for code in ErrorCode),
        (stream_flags(streams),),
        tuple(
            Size(name, getattr(config, name), f"{meanings[name].capitalize()}.") for name in _SIZES
        ),
        (ARRAY, *ROW_UNITS),
    )
