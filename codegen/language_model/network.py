# SPDX-License-Identifier: Apache-2.0
"""The machine of the language model: the one table of who talks to whom, and how far ahead."""

from __future__ import annotations

from codegen.language_model.processes import DIRECTED, REPORTING, machine_processes
from codegen.machine.network import Edge, EdgeKind, Network
from codegen.openhls.connection import Connection
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.interface import ARRAY
from tritforge.language_model.program import MAXIMUM_CONSUMERS

NAME = "tritforge_machine"

#: Headers of operations; the sequencer runs so many ahead.
_HEADERS = 4
#: Enough for a process with a few pipeline stages to keep its pace.
_STREAM = 4
#: Hides a wait of the consumer that comes once a vector.
_ELASTIC = 16
#: One word per run.
_ONCE = 2
#: Packets that are not worth more.
_PACKETS = 16
#: Hides what the memory does between bursts and what the array does between operations.
_WEIGHTS = 512


def machine_network(config: AcceleratorConfig) -> Network:
    """The machine of a configuration."""
    scalars = MAXIMUM_CONSUMERS * config.lanes
    table = (
        *(
            (f"sequencer.{name}_headers", f"{process}.headers", _HEADERS)
            for process, name in DIRECTED.items()
        ),
        ("sequencer.gains", "quantiser.gains", _ELASTIC),
        ("sequencer.lower_bounds", "element_unit.lower_bounds", config.dim),
        ("weight_join.beats", "ternary_array.weights", _STREAM),
        ("vector_unit.operands", "quantiser.operands", _ELASTIC),
        ("quantiser.requests", "scalar_unit.requests", scalars),
        ("scalar_unit.responses", "quantiser.responses", scalars),
        ("quantiser.scales", "dequantiser.scales", scalars),
        ("quantiser.groups", "code_buffer.groups", _STREAM),
        ("code_buffer.repeated", "ternary_array.codes", _STREAM),
        ("ternary_array.sums", "dequantiser.sums", _ELASTIC),
        ("dequantiser.activations", "element_unit.activations", _STREAM),
        ("dequantiser.increments", "vector_unit.increments", _STREAM),
        ("dequantiser.scores", "head.scores", _STREAM),
        ("element_unit.products", "vector_unit.products", _STREAM),
        *(
            (f"{process}.status", f"sequencer.{name}_status", _ONCE)
            for process, name in REPORTING.items()
        ),
    )
    return Network(
        NAME,
        tuple(item.name for item in machine_processes(config.ports)),
        tuple(_connection(source, target, depth) for source, target, depth in table),
        _edges(config),
        {ARRAY.name: tuple(f"ternary_array.{name}" for name in ARRAY.inputs)},
    )


def _edges(config: AcceleratorConfig) -> tuple[Edge, ...]:
    packets_in = EdgeKind.PACKETS_IN
    return (
        Edge("commands", EdgeKind.COMMANDS, "sequencer", "commands", _ONCE),
        *(
            Edge(f"weights_{port}", packets_in, "weight_join", f"port_{port}", _WEIGHTS)
            for port in range(config.ports)
        ),
        Edge("parameters", packets_in, "sequencer", "parameters", _PACKETS),
        Edge("input", packets_in, "vector_unit", "input", _PACKETS),
        Edge("output", EdgeKind.PACKETS_OUT, "head", "output", _PACKETS),
        Edge("results", EdgeKind.RESULTS, "sequencer", "results", _ONCE),
    )


def _connection(source: str, target: str, depth: int) -> Connection:
    (process, stream), (consumer, wanted) = source.split("."), target.split(".")
    return Connection(process, stream, consumer, wanted, depth)
