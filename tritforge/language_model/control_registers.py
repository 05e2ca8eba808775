# SPDX-License-Identifier: Apache-2.0
"""Control and status registers of the language-model accelerator, from its configuration."""

from __future__ import annotations

from enum import IntEnum

from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.signals import Signal
from tritforge.register_map import (
    REGISTER_BITS,
    REGISTER_BYTES,
    Access,
    Field,
    Register,
    RegisterMap,
)

#: "TRFG": what a driver reads first.
IDENTIFICATION = int.from_bytes(b"TRFG", "big")
#: Changes with every change of the map that an older driver cannot read.
MAP_VERSION = 1

#: Signals that saturate, one sticky bit each.
SATURATION_SIGNALS = tuple(signal.value for signal in Signal)


class ErrorCode(IntEnum):
    """Why a run stopped. The first error stays until the next start."""

    NONE = 0
    UNKNOWN_OPERATION = 1
    SHAPE_TOO_LARGE = 2
    OPERATION_OUT_OF_ORDER = 3
    STREAM_LENGTH = 4
    INVALID_FIELD = 5


def stream_names(config: AcceleratorConfig) -> tuple[str, ...]:
    """AXI4-Stream ports of the accelerator: weight ports first, then the others."""
    weights = tuple(f"weights_{port}" for port in range(config.ports))
    return (*weights, "parameters", "input", "output")


def input_stream_names(config: AcceleratorConfig) -> tuple[str, ...]:
    """Those of `stream_names` that bring packets in; a result has two flags for each."""
    return stream_names(config)[:-1]


#: What the ternary array did in a cycle, as counters name it. One of them is true in every cycle.
ARRAY_EVENTS = {
    "array_beats": "Cycles of a run in which the array took a beat of weights.",
    "array_no_weights": "Cycles of a run in which the array had codes, but no weights.",
    "array_no_codes": "Cycles of a run in which the array had weights, but no codes.",
    "array_blocked": "Cycles of a run in which the array had both, but its sums could not leave.",
    "array_idle": "Cycles of a run in which the array had neither weights nor codes.",
}


def control_registers(config: AcceleratorConfig) -> RegisterMap:
    """The register map of one generated accelerator."""
    contents = [
        *_control(config.lanes),
        *_identity(config),
        *_sticky_flags(config),
        *_counters(config),
    ]
    registers = tuple(
        Register(name, REGISTER_BYTES * index, meaning, fields)
        for index, (name, meaning, fields) in enumerate(contents)
    )
    return RegisterMap("tritforge_control", registers, counter_clear="control.clear_counters")


_Content = tuple[str, str, tuple[Field, ...]]


def _control(lanes: int) -> list[_Content]:
    codes = ", ".join(f"{code.value} {code.name.lower()}" for code in ErrorCode)
    return [
        (
            "identification",
            "What answers at this address.",
            (_constant("magic", REGISTER_BITS, IDENTIFICATION, "The letters TRFG."),),
        ),
        (
            "version",
            "Version of this register map.",
            (_constant("map", 16, MAP_VERSION, "Changes when an older driver cannot read it."),),
        ),
        (
            "control",
            "Commands; every field reads as 0.",
            (
                Field("start", 0, 1, Access.PULSE, "Start one run: one token a lane."),
                Field("clear_counters", 1, 1, Access.PULSE, "Set all counters to 0."),
                Field(
                    "reset",
                    2,
                    1,
                    Access.PULSE,
                    "Forget the run, all packets and all contexts; registers stay.",
                ),
            ),
        ),
        (
            "command",
            "What the next run does; read when it starts.",
            (
                Field("prefill", 0, 1, Access.READ_WRITE, "Lanes are tokens of one text."),
                Field("all_logits", 1, 1, Access.READ_WRITE, "Send the logits of all tokens."),
                Field("fresh", 2, lanes, Access.READ_WRITE, "Lanes that begin a new text."),
                Field("hold", 2 + lanes, lanes, Access.READ_WRITE, "Lanes that are not used."),
            ),
        ),
        (
            "status",
            "Where the run stands.",
            (
                Field("idle", 0, 1, Access.READ_ONLY, "No run is in progress."),
                Field("done", 1, 1, Access.WRITE_ONE_TO_CLEAR, "A run has ended since cleared."),
                Field("error_code", 8, 8, Access.READ_ONLY, f"First error of the run: {codes}."),
            ),
        ),
    ]


def _identity(config: AcceleratorConfig) -> list[_Content]:
    fingerprint = int(config.fingerprint(), 16)
    meaning = "half of AcceleratorConfig.fingerprint()"
    shape = config.shape
    assert config.states is not None
    low = fingerprint & ((1 << REGISTER_BITS) - 1)
    high = fingerprint >> REGISTER_BITS
    numbers = (
        ("dim", shape.dim, "Largest dim."),
        ("layers", shape.layers, "Largest number of layers."),
        ("glu_width", shape.glu_width, "Largest GLU width."),
        ("vocabulary", shape.vocabulary, "Largest vocabulary."),
        ("ports", config.ports, "64-bit weight ports."),
        ("lanes", config.lanes, "Activation sets that share the weight stream."),
        ("states", config.states, "Recurrent states on chip."),
    )
    halves: list[_Content] = [
        (
            f"configuration_{half}",
            f"Which accelerator this is, {half} half.",
            (_constant("hash", REGISTER_BITS, value, f"The {half} {meaning}."),),
        )
        for half, value in (("low", low), ("high", high))
    ]
    sizes: list[_Content] = [
        (name, "Size of the accelerator.", (_constant("value", REGISTER_BITS, value, text),))
        for name, value, text in numbers
    ]
    return [*halves, *sizes]


def _sticky_flags(config: AcceleratorConfig) -> list[_Content]:
    saturation = tuple(
        _sticky(name, bit, f"The signal {name} was limited to its range.")
        for bit, name in enumerate(SATURATION_SIGNALS)
    )
    errors = ("early", "tlast came too early"), ("late", "tlast came too late")
    flags = [
        (f"{stream}_{kind}", f"Stream {stream}: {text}.")
        for stream in input_stream_names(config)
        for kind, text in errors
    ]
    streams = tuple(_sticky(name, bit, text) for bit, (name, text) in enumerate(flags))
    return [
        ("saturation", "Signals that saturated since cleared.", saturation),
        ("stream_errors", "Packets of a wrong length since cleared.", streams),
    ]


def _counters(config: AcceleratorConfig) -> list[_Content]:
    events = [("cycles", "Cycles in which a run was in progress.")]
    events += [
        (f"stall_{stream}", f"Cycles of a run in which it waited for stream {stream}.")
        for stream in stream_names(config)
    ]
    events += ARRAY_EVENTS.items()
    return [
        (name, meaning, (Field("count", 0, REGISTER_BITS, Access.COUNTER, meaning),))
        for name, meaning in events
    ]


def _constant(name: str, bits: int, value: int, meaning: str) -> Field:
    return Field(name, 0, bits, Access.CONSTANT, meaning, reset=value)


def _sticky(name: str, bit: int, meaning: str) -> Field:
    return Field(name, bit, 1, Access.WRITE_ONE_TO_CLEAR, meaning)
