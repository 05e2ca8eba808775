# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog of a machine's core in the open flow: its processes and the FIFOs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.machine.network import Network
from codegen.openhls.manifest import Direction, Manifest
from codegen.openhls.wires import DATA_SUFFIX, READY_SUFFIX, VALID_SUFFIX
from codegen.rendering import render


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
        """Verilog range of its data, with a space behind it; empty for one bit."""
        return f"[{self.width - 1}:0] " if self.width > 1 else ""


def fifos(network: Network, manifests: Mapping[str, Manifest]) -> tuple[Fifo, ...]:
    """Every FIFO, in the order of `Network.fifos`."""
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

    return tuple(inner())


def _prefix(end: str) -> str:
    return end.replace(".", "_")


def render_core(network: Network, manifests: Mapping[str, Manifest]) -> str:
    """SystemVerilog of the module `<network>_core`: processes of the open flow and their FIFOs.

    It needs FIFO_MODULE and the processes.

    Raises:
        InterfaceError: network and manifests do not fit.
    """
    network.check_manifests(manifests)
    found = fifos(network, manifests)
    edges = zip(found[len(network.connections) :], network.edges)
    values = {
        "name": network.core_name,
        "machine": network.name,
        "fifos": found,
        "processes": [manifests[name] for name in network.processes],
        "ports": [
            (fifo, fifo.source if edge.kind.direction is Direction.INPUT else fifo.target, edge)
            for fifo, edge in edges
        ],
        "suffixes": (DATA_SUFFIX, VALID_SUFFIX, READY_SUFFIX),
    }
    return render("machine/machine_core.sv.j2", values)
