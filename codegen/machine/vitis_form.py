# SPDX-License-Identifier: Apache-2.0
"""The machine as one Vitis HLS top function of tasks: values of machine.hpp.j2 and machine.cpp.j2.

Types of the streams come from the declarations of the processes, so no width is said twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.machine.network import PACKET_DATA_BITS, EdgeKind, Network
from codegen.machine.signatures import stream_parameters

#: Column limit of .clang-format.
_COLUMNS = 100
_TASK = "    hls_thread_local hls::task "
_STREAM = "    hls_thread_local hls::stream"


def vitis_values(network: Network, top_header: str) -> dict[str, Any]:
    """What the templates need beyond the common values of a project.

    Args:
        top_header: declarations of the processes.

    Raises:
        InterfaceError: the network does not fit the declarations.
    """
    functions = stream_parameters(top_header)
    declared = {name: functions[name] for name in network.processes if name in functions}
    network.check_streams({name: [item.name for item in items] for name, items in declared.items()})
    words = {f"{name}.{item.name}": item.word for name, items in declared.items() for item in items}
    streams = _streams(network)
    variables = {end: name for name, (_, ends) in streams.items() for end in ends}
    packets = [edge for edge in network.edges if edge.kind.is_packets]
    arguments = ["MachineCommand command", "MachineResult& result"]
    arguments += [f"hls::stream<AxisBeat>& {edge.name}" for edge in packets]
    tasks = [
        (f"receive_{edge.name}", ["tritforge::receive_words", edge.name, variables[edge.end]])
        for edge in network.packets_in
    ]
    tasks += [
        (f"{name}_task", [name, *(variables[f"{name}.{item.name}"] for item in declared[name])])
        for name in network.processes
    ]
    output = network.edge(EdgeKind.PACKETS_OUT)
    tasks.append(
        (f"send_{output.name}", ["tritforge::send_words", variables[output.end], output.name])
    )
    commands, results = network.edge(EdgeKind.COMMANDS).end, network.edge(EdgeKind.RESULTS).end
    return {
        "network": network,
        "data_bits": PACKET_DATA_BITS,
        "packets": packets,
        "command_word": words[commands],
        "result_word": words[results],
        "commands": variables[commands],
        "results": variables[results],
        "top": _filled(f"void {network.name}(", arguments, ")"),
        "streams": [
            _filled(f"{_STREAM}<{words[ends[0]]}, {depth}> {name}(", [f'"{name}"'], ");")
            for name, (depth, ends) in streams.items()
        ],
        "tasks": [_filled(f"{_TASK}{name}(", items, ");") for name, items in tasks],
    }


def _streams(network: Network) -> Mapping[str, tuple[int, tuple[str, ...]]]:
    """Variable -> depth and the process streams it connects; named after the consumer."""
    streams: dict[str, tuple[int, tuple[str, ...]]] = {}
    for item in network.connections:
        target, source = (
            f"{item.target}.{item.target_stream}",
            f"{item.source}.{item.source_stream}",
        )
        streams[target.replace(".", "_")] = (item.depth, (target, source))
    for edge in network.edges:
        streams[edge.end.replace(".", "_")] = (edge.depth, (edge.end,))
    return streams


def _filled(start: str, items: Sequence[str], end: str) -> str:
    """A list in brackets as clang-format breaks it: filled lines, aligned behind the bracket."""
    if len(items) == 1 and len(start) + len(items[0]) + len(end) > _COLUMNS:
        return f"{start}\n        {items[0]}{end}"
    lines, line = [], start
    for index, item in enumerate(items):
        text = item + ("," if index + 1 < len(items) else end)
        space = "" if line.endswith("(") or not line.strip() else " "
        if len(line) + len(space) + len(text) > _COLUMNS:
            lines.append(line)
            line, space = " " * len(start), ""
        line += space + text
    return "\n".join([*lines, line])
