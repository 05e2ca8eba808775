# SPDX-License-Identifier: Apache-2.0
"""The machine as one Vitis HLS top function of tasks: values of machine.hpp.j2 and machine.cpp.j2.

Types of the streams come from the declarations of the processes, so no width is said twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.machine.network import EdgeKind, Network
from codegen.machine.process import Process
from tritforge.machine_interface import PACKET_DATA_BITS


def vitis_values(network: Network, processes: Sequence[Process]) -> dict[str, Any]:
    """What the templates need beyond the common values of a project.

    Raises:
        InterfaceError: the network does not fit the processes.
    """
    declared = {item.name: item.streams for item in processes}
    network.check_streams({name: [item.name for item in items] for name, items in declared.items()})
    words = {f"{name}.{item.name}": item.word for name, items in declared.items() for item in items}
    streams = _streams(network)
    variables = {end: name for name, (_, ends) in streams.items() for end in ends}
    variables |= {edge.end: edge.name for edge in network.edges if not edge.kind.is_packets}
    packets = [edge for edge in network.edges if edge.kind.is_packets]
    commands, results = network.edge(EdgeKind.COMMANDS), network.edge(EdgeKind.RESULTS)
    arguments = [
        f"hls::stream<MachineCommand>& {commands.name}",
        f"hls::stream<MachineResult>& {results.name}",
    ]
    arguments += [f"hls::stream<AxisBeat>& {edge.name}" for edge in packets]
    tasks = [
        (f"receive_{edge.name}", ["tritforge::receive_words", edge.name, variables[edge.end]])
        for edge in network.packets_in
    ]
    tasks += [
        (f"{name}_task", [name, *(variables[f"{name}.{item.name}"] for item in declared[name])])
        for name in network.processes
    ]
    tasks += [
        (f"send_{edge.name}", ["tritforge::send_words", variables[edge.end], edge.name])
        for edge in network.packets_out
    ]
    return {
        "data_bits": PACKET_DATA_BITS,
        "axis_ports": [commands.name, results.name, *(edge.name for edge in packets)],
        "command_word": words[commands.end],
        "result_word": words[results.end],
        "top": f"void {network.tasks_name}(\n    " + ",\n    ".join(arguments) + ")",
        "streams": [
            f'hls::stream<{words[ends[0]]}, {depth}> {name}("{name}");'
            for name, (depth, ends) in streams.items()
        ],
        "tasks": [f"hls::task {name}({', '.join(items)});" for name, items in tasks],
    }


def _streams(network: Network) -> Mapping[str, tuple[int, tuple[str, ...]]]:
    """Variable -> depth and the process streams it connects, named after the consumer."""
    streams: dict[str, tuple[int, tuple[str, ...]]] = {}
    for item in network.connections:
        ends = (item.target_end, item.source_end)
        streams[item.target_end.replace(".", "_")] = (item.depth, ends)
    for edge in network.edges:
        if edge.kind.is_packets:
            streams[edge.end.replace(".", "_")] = (edge.depth, (edge.end,))
    return streams
