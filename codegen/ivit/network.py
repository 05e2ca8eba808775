# SPDX-License-Identifier: Apache-2.0
"""The I-ViT machine: the one table of who talks to whom, and how far ahead."""

from __future__ import annotations

from codegen.ivit.processes import DIRECTED, REPORTING, machine_processes
from codegen.machine.network import Edge, EdgeKind, Network
from codegen.openhls.connection import Connection
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.interface import ARRAY, OUTPUT, ROW_UNITS

NAME = "tritforge_ivit_machine"

#: Headers of steps; the sequencer runs so many ahead.
_HEADERS = 4
#: Enough for a process with a few pipeline stages to keep its pace.
_STREAM = 4
#: Hides a short wait of the consumer.
_ELASTIC = 16
#: One word per run.
_ONCE = 2
#: Packets that are not worth more.
_PACKETS = 16
#: Hides what the memory does between bursts.
_WEIGHTS = 512


def machine_network(config: MachineConfig) -> Network:
    """The machine of a configuration."""
    # The buffer gives the factors of the next slice while one is in use.
    factors = 2 * config.feature_lanes
    table = (
        *(
            (f"sequencer.{stream}", f"{process}.{target}", _HEADERS)
            for process, (stream, target) in DIRECTED.items()
        ),
        ("weight_buffer.factors", "requantise.factors", factors),
        ("weight_buffer.gains", "norm_requantise.gains", _STREAM),
        ("weight_buffer.rights", "operand_choice.weights", _STREAM),
        ("codes.lefts", "operand_choice.codes", _STREAM),
        ("rows.lefts", "operand_choice.rows", _STREAM),
        ("probabilities.lefts", "operand_choice.probabilities", _STREAM),
        ("keys.rights", "operand_choice.keys", _STREAM),
        ("values.rights", "operand_choice.values", _STREAM),
        ("operand_choice.lefts", "matrix_array.lefts", _STREAM),
        ("operand_choice.rights", "matrix_array.rights", _STREAM),
        ("matrix_array.sums", "requantise.sums", _ELASTIC),
        ("requantise.results", "result_route.results", _STREAM),
        ("result_route.branches", "residual_add.branches", _STREAM),
        ("result_route.codes", "codes.results", _STREAM),
        ("result_route.rows", "rows.results", _STREAM),
        ("result_route.keys", "keys.results", _STREAM),
        ("result_route.values", "values.results", _STREAM),
        ("result_route.scores", "scores.results", _STREAM),
        ("position_reader.constants", "residual_add.constants", _STREAM),
        ("residual_add.elements", "layer_norm.inputs", _STREAM),
        ("norm_requantise.biases", "layer_norm.biases", _STREAM),
        ("layer_norm.outputs", "norm_requantise.inputs", _STREAM),
        ("norm_requantise.outputs", "row_packer.elements", _STREAM),
        ("row_packer.words", "codes.elements", _STREAM),
        ("scores.inputs", "shiftmax.inputs", _STREAM),
        ("shiftmax.outputs", "probabilities.elements", _STREAM),
        ("rows.inputs", "shiftgelu.inputs", config.exchange_words),
        ("shiftgelu.outputs", "gelu_requantise.inputs", _STREAM),
        ("gelu_requantise.outputs", "rows.elements", _STREAM),
        *(
            (f"{process}.status", f"sequencer.{stream}", _ONCE)
            for process, stream in REPORTING.items()
        ),
    )
    return Network(
        NAME,
        tuple(item.name for item in machine_processes()),
        tuple(_connection(source, target, depth) for source, target, depth in table),
        _edges(),
        {
            ARRAY.name: tuple(f"matrix_array.{name}" for name in ARRAY.inputs),
            **{unit.name: (f"{unit.name}.inputs",) for unit in ROW_UNITS},
        },
    )


def _edges() -> tuple[Edge, ...]:
    packets_in = EdgeKind.PACKETS_IN
    return (
        Edge("commands", EdgeKind.COMMANDS, "sequencer", "commands", _ONCE),
        Edge("program", packets_in, "sequencer", "program", _PACKETS),
        Edge("weights", packets_in, "weight_buffer", "words", _WEIGHTS),
        Edge("positions", packets_in, "position_reader", "words", _PACKETS),
        Edge("patches", packets_in, "rows", "patches", _PACKETS),
        Edge(OUTPUT, EdgeKind.PACKETS_OUT, "result_route", "logits", _PACKETS),
        Edge("results", EdgeKind.RESULTS, "sequencer", "results", _ONCE),
    )


def _connection(source: str, target: str, depth: int) -> Connection:
    (process, stream), (consumer, wanted) = source.split("."), target.split(".")
    return Connection(process, stream, consumer, wanted, depth)
