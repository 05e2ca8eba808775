# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog of a machine: the core (processes and FIFOs) and the top (AXI and registers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.machine.network import EdgeKind, Network
from codegen.openhls.errors import InterfaceError
from codegen.openhls.manifest import Direction, Manifest
from codegen.openhls.wires import DATA_SUFFIX, READY_SUFFIX, VALID_SUFFIX
from codegen.register_file import axi_ports, field_texts
from codegen.rendering import render
from tritforge.register_map import RegisterMap

AXI_LITE_MODULE = "tritforge_axi_lite_registers"
#: The monitor of all FIFOs is read as one machine word.
MAXIMUM_FIFOS = 64
_RESET_BITS = 4
_RESULT_ERROR_BITS = 8


@dataclass(frozen=True)
class Fifo:
    """A FIFO of the core.

    Attributes:
        name: `<process>_<stream>` of the consumer; for an edge that leaves, the edge's name.
        source, target: prefixes of the wires at both sides.
    """

    name: str
    source: str
    target: str
    width: int
    depth: int

    @property
    def range(self) -> str:
        """Of its data, with a space behind it; empty for one bit."""
        return f"[{self.width - 1}:0] " if self.width > 1 else ""


def fifos(network: Network, manifests: Mapping[str, Manifest]) -> tuple[Fifo, ...]:
    """Every FIFO: connections first, then edges. This is the order of the monitor's bits."""
    widths = {
        f"{name}.{stream.name}": stream.width
        for name, manifest in manifests.items()
        for stream in manifest.streams
    }

    def inner() -> Iterator[Fifo]:
        for item in network.connections:
            source, target = _prefix(item.source_end), _prefix(item.target_end)
            yield Fifo(target, source, target, widths[item.source_end], item.depth)
        for edge in network.edges:
            inside, width = _prefix(edge.end), widths[edge.end]
            if edge.kind.direction is Direction.INPUT:
                yield Fifo(inside, edge.name, inside, width, edge.depth)
            else:
                yield Fifo(edge.name, inside, edge.name, width, edge.depth)

    result = tuple(inner())
    if len(result) > MAXIMUM_FIFOS:
        raise InterfaceError(f"{len(result)} FIFOs: the monitor has room for {MAXIMUM_FIFOS}")
    return result


def _prefix(end: str) -> str:
    return end.replace(".", "_")


def render_core(network: Network, manifests: Mapping[str, Manifest]) -> str:
    """The module `<network>_core`; needs FIFO_MODULE and the processes.

    Raises:
        InterfaceError: network and manifests do not fit.
    """
    network.check_manifests(manifests)
    found = fifos(network, manifests)
    edges = zip(found[len(network.connections) :], network.edges)
    values = {
        "name": network.name,
        "fifos": found,
        "processes": [manifests[name] for name in network.processes],
        "ports": [
            (fifo, fifo.source if edge.kind.direction is Direction.INPUT else fifo.target, edge)
            for fifo, edge in edges
        ],
        "suffixes": (DATA_SUFFIX, VALID_SUFFIX, READY_SUFFIX),
    }
    return render("machine/machine_core.sv.j2", values)


def render_top(network: Network, manifests: Mapping[str, Manifest], registers: RegisterMap) -> str:
    """The module `<network>`; needs the core and the register file.

    Raises:
        InterfaceError: command or result do not have the bits that the registers say.
    """
    found = fifos(network, manifests)
    numbers = {item.target: index for index, item in enumerate(found)}
    commands, results = network.edge(EdgeKind.COMMANDS), network.edge(EdgeKind.RESULTS)
    widths = {
        edge.name: found[len(network.connections) + index].width
        for index, edge in enumerate(network.edges)
    }
    command = registers.register("command")
    flags = [
        f"{name}_{field.name}_set"
        for name in ("saturation", "stream_errors")
        for field in registers.register(name).fields
    ]
    expected = {
        commands.name: sum(field.bits for field in command.fields),
        results.name: _RESULT_ERROR_BITS + len(flags),
    }
    for name, bits in expected.items():
        if widths[name] != bits:
            raise InterfaceError(f"{name} has {widths[name]} bits, the registers say {bits}")
    values = {
        "name": network.name,
        "registers": registers,
        "fields": field_texts(registers),
        "axi_ports": axi_ports(),
        "packets_in": network.packets_in,
        "output": network.edge(EdgeKind.PACKETS_OUT).name,
        "commands": commands.name,
        "results": results.name,
        "fifos": found,
        "command_bits": widths[commands.name],
        "command_fields": [f"command_{field.name}" for field in command.fields],
        "result_bits": widths[results.name],
        "flags": flags,
        "array_weights": numbers[_prefix(network.array_weights)],
        "array_codes": numbers[_prefix(network.array_codes)],
        "reset_bits": _RESET_BITS,
        "reset_cycles": 1 << _RESET_BITS,
    }
    return render("machine/machine_top.sv.j2", values)
