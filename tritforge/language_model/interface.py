# SPDX-License-Identifier: Apache-2.0
"""What the language model's machine looks like from outside, from its configuration."""

from __future__ import annotations

from tritforge.error_code import ErrorCode
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.signals import Signal
from tritforge.language_model.wire.command import command_fields
from tritforge.machine_interface import (
    Activity,
    CommandField,
    Direction,
    Flag,
    FlagGroup,
    MachineInterface,
    PacketStream,
    Size,
    stream_flags,
)

NAME = "language_model"

#: Signals that saturate, one sticky bit each.
SATURATION_SIGNALS = tuple(signal.value for signal in Signal)


#: The ternary array waits for weights where the memory is the limit, for codes where norms and
#: quantisation are not done yet.
ARRAY = Activity("array", "the ternary array", ("weights", "codes"))


def machine_interface(config: AcceleratorConfig) -> MachineInterface:
    """Streams, command, result and registers of one generated machine."""
    streams = _streams(config)
    return MachineInterface(
        NAME,
        config.fingerprint(),
        streams,
        _command(config.lanes),
        tuple(code.name.lower() for code in ErrorCode),
        (_saturation(), stream_flags(streams)),
        _sizes(config),
        (ARRAY,),
    )


def input_stream_names(config: AcceleratorConfig) -> tuple[str, ...]:
    """Streams that bring packets in: weight ports first; a result has two flags for each."""
    return (*(f"weights_{port}" for port in range(config.ports)), "parameters", "input")


def _streams(config: AcceleratorConfig) -> tuple[PacketStream, ...]:
    return (
        *(PacketStream(name, Direction.INPUT) for name in input_stream_names(config)),
        PacketStream("output", Direction.OUTPUT),
    )


_COMMAND_MEANINGS = {
    "prefill": "Lanes are tokens of one text.",
    "all_logits": "Send the logits of all tokens.",
    "fresh": "Lanes that begin a new text.",
    "hold": "Lanes that are not used.",
}


def _command(lanes: int) -> tuple[CommandField, ...]:
    return tuple(
        CommandField(name, bits, _COMMAND_MEANINGS[name])
        for name, bits in command_fields(lanes).items()
    )


def _saturation() -> FlagGroup:
    return FlagGroup(
        "saturation",
        "Signals that saturated since cleared.",
        tuple(
            Flag(name, f"The signal {name} was limited to its range.")
            for name in SATURATION_SIGNALS
        ),
    )


def _sizes(config: AcceleratorConfig) -> tuple[Size, ...]:
    shape = config.shape
    return (
        Size("dim", shape.dim, "Largest dim."),
        Size("layers", shape.layers, "Largest number of layers."),
        Size("glu_width", shape.glu_width, "Largest GLU width."),
        Size("vocabulary", shape.vocabulary, "Largest vocabulary."),
        Size("ports", config.ports, "64-bit weight ports."),
        Size("lanes", config.lanes, "Activation sets that share the weight stream."),
        Size("states", config.states, "Recurrent states on chip."),
    )
