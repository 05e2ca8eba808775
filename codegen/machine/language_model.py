# SPDX-License-Identifier: Apache-2.0
"""The machine of the language model: the one table of who talks to whom, and how far ahead."""

from __future__ import annotations

from codegen.machine.network import Edge, EdgeKind, Network
from codegen.openhls.wrapper import Connection
from tritforge.config import AcceleratorConfig
from tritforge.parameters import MAXIMUM_OUTPUTS

NAME = "tritforge_machine"

#: In the order of the data, so that a round of the C-simulation moves a word a long way.
PROCESSES = (
    "sequencer",
    "weight_join",
    "vector_unit",
    "quantiser",
    "scalar_unit",
    "code_buffer",
    "ternary_array",
    "dequantiser",
    "element_unit",
    "head",
)
#: Processes that say at the end of a run how it went.
_REPORTING = ("weight", "vector", "quantiser", "dequantiser", "element", "head")

#: Words of an operation's header; the sequencer runs so many operations ahead.
_HEADERS = 4
#: Enough for a process with a few pipeline stages to keep its pace.
_STREAM = 4
#: Hides a wait of the consumer that comes once a vector.
_ELASTIC = 16
#: One word a run, or a packet that is not worth its time.
_ONCE = 2
_PACKETS = 16
#: Hides what the memory does between bursts and what the array does between operations.
_WEIGHTS = 512


def machine_network(config: AcceleratorConfig) -> Network:
    """The machine of a configuration."""
    scalars = MAXIMUM_OUTPUTS * config.lanes
    table = (
        ("sequencer.weight_headers", "weight_join.headers", _HEADERS),
        ("sequencer.vector_headers", "vector_unit.headers", _HEADERS),
        ("sequencer.quantiser_headers", "quantiser.headers", _HEADERS),
        ("sequencer.code_headers", "code_buffer.headers", _HEADERS),
        ("sequencer.array_headers", "ternary_array.headers", _HEADERS),
        ("sequencer.dequantiser_headers", "dequantiser.headers", _HEADERS),
        ("sequencer.element_headers", "element_unit.headers", _HEADERS),
        ("sequencer.head_headers", "head.headers", _HEADERS),
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
        *((f"{_process(name)}.status", f"sequencer.{name}_status", _ONCE) for name in _REPORTING),
    )
    packets_in, packets_out = EdgeKind.PACKETS_IN, EdgeKind.PACKETS_OUT
    edges = (
        Edge("commands", EdgeKind.COMMANDS, "sequencer", "commands", _ONCE),
        *(
            Edge(f"weights_{port}", packets_in, "weight_join", f"port_{port}", _WEIGHTS)
            for port in range(config.ports)
        ),
        Edge("parameters", packets_in, "sequencer", "parameters", _PACKETS),
        Edge("input", packets_in, "vector_unit", "input", _PACKETS),
        Edge("output", packets_out, "head", "output", _PACKETS),
        Edge("results", EdgeKind.RESULTS, "sequencer", "results", _ONCE),
    )
    connections = tuple(_connection(source, target, depth) for source, target, depth in table)
    return Network(NAME, PROCESSES, connections, edges)


def _connection(source: str, target: str, depth: int) -> Connection:
    (process, stream), (consumer, wanted) = source.split("."), target.split(".")
    return Connection(process, stream, consumer, wanted, depth)


def _process(name: str) -> str:
    """Process behind a short name of a header or status stream."""
    return next(item for item in PROCESSES if item.startswith(name))
