# SPDX-License-Identifier: Apache-2.0
"""What a machine is made of: processes, the FIFOs between them and the streams at its edge.

A `Network` is data. Vitis form, C-simulation and SystemVerilog are generated from it, and it is
checked against what the C++ says: every stream is connected exactly once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from codegen.openhls.manifest import Direction, Manifest
from tritforge.machine_interface import PACKET_DATA_BITS, MachineInterface

#: Bits of a word of a packet between processes: TLAST above the data.
PACKET_WORD_BITS = PACKET_DATA_BITS + 1


class EdgeKind(enum.Enum):
    """What a stream at the edge of the machine is connected to."""

    PACKETS_IN = "AXI4-Stream slave"
    PACKETS_OUT = "AXI4-Stream master"
    COMMANDS = "command register"
    RESULTS = "result register"

    @property
    def direction(self) -> Direction:
        """Seen from the process."""
        inputs = (EdgeKind.PACKETS_IN, EdgeKind.COMMANDS)
        return Direction.INPUT if self in inputs else Direction.OUTPUT

    @property
    def is_packets(self) -> bool:
        """Whether words have TLAST above their data."""
        return self in (EdgeKind.PACKETS_IN, EdgeKind.PACKETS_OUT)


@dataclass(frozen=True)
class Edge:
    """A stream of a process that leaves the machine.

    Attributes:
        name: of the machine's port.
        depth: words of its FIFO.
    """

    name: str
    kind: EdgeKind
    process: str
    stream: str
    depth: int

    @property
    def end(self) -> str:
        """The stream of the process."""
        return f"{self.process}.{self.stream}"


@dataclass(frozen=True)
class StreamEnd:
    """One end of a stream, as a process sees it."""

    process: str
    stream: str
    direction: Direction

    def __str__(self) -> str:
        return f"{self.process}.{self.stream}"


@dataclass(frozen=True)
class Network:
    """A machine.

    Attributes:
        name: of the top module.
        processes: top functions, in the order in which the C-simulation lets them run.
        connections: FIFOs from process to process.
        edges: one COMMANDS, one RESULTS, and one or more of PACKETS_IN and of PACKETS_OUT.
        monitors: activity of the interface -> the process streams that are its inputs.
    """

    name: str
    processes: tuple[str, ...]
    connections: tuple[Connection, ...]
    edges: tuple[Edge, ...]
    monitors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ends = [str(end) for end in self.ends()]
        _check_unique("process", self.processes)
        _check_unique("stream", ends)
        _check_unique("edge", [edge.name for edge in self.edges])
        for end in self.ends():
            if end.process not in self.processes:
                raise InterfaceError(f"{end} is connected, but {end.process} is no process")
        for name, streams in self.monitors.items():
            for stream in streams:
                if stream not in ends:
                    raise InterfaceError(f"{name} is to count {stream}, which is not connected")
        for kind in (EdgeKind.COMMANDS, EdgeKind.RESULTS):
            found = [edge.name for edge in self.edges if edge.kind is kind]
            if len(found) != 1:
                raise InterfaceError(f"a machine has one {kind.value}, not {len(found)}: {found}")
        depths = [(item.target_end, item.depth) for item in self.connections]
        for name, depth in (*depths, *((edge.end, edge.depth) for edge in self.edges)):
            if depth < 1:
                raise InterfaceError(f"{name} has a FIFO of depth {depth}: give at least 1")

    def ends(self) -> Iterator[StreamEnd]:
        """Both ends of every connection, and the edges."""
        for item in self.connections:
            yield StreamEnd(item.source, item.source_stream, Direction.OUTPUT)
            yield StreamEnd(item.target, item.target_stream, Direction.INPUT)
        for edge in self.edges:
            yield StreamEnd(edge.process, edge.stream, edge.kind.direction)

    @property
    def fifos(self) -> tuple[str, ...]:
        """Stream of a process at every FIFO, of the consumer where there is one.

        Connections come first, then edges: the order of the monitor's bits.
        """
        connections = (item.target_end for item in self.connections)
        return (*connections, *(edge.end for edge in self.edges))

    def edge(self, kind: EdgeKind) -> Edge:
        """The only edge of its kind."""
        (found,) = (edge for edge in self.edges if edge.kind is kind)
        return found

    @property
    def core_name(self) -> str:
        """Module of the processes and their FIFOs, inside the top module."""
        return f"{self.name}_core"

    @property
    def tasks_name(self) -> str:
        """Top function of the Vitis form; its IP takes the place of the core's contents."""
        return f"{self.name}_tasks"

    @property
    def packets_in(self) -> tuple[Edge, ...]:
        """Edges that take packets, in order."""
        return tuple(edge for edge in self.edges if edge.kind is EdgeKind.PACKETS_IN)

    @property
    def packets_out(self) -> tuple[Edge, ...]:
        """Edges that send packets, in order."""
        return tuple(edge for edge in self.edges if edge.kind is EdgeKind.PACKETS_OUT)

    def check_interface(self, interface: MachineInterface) -> None:
        """Check that edges and monitors are the streams and activities of the interface.

        Raises:
            InterfaceError: shows both sides of what differs.
        """
        for what, edges, streams in (
            ("takes packets", self.packets_in, interface.inputs),
            ("sends packets", self.packets_out, interface.outputs),
        ):
            has, wanted = [edge.name for edge in edges], [item.name for item in streams]
            if has != wanted:
                raise InterfaceError(f"the network {what} on {has}, the interface says {wanted}")
        monitored = {name: len(streams) for name, streams in self.monitors.items()}
        counted = {item.name: len(item.inputs) for item in interface.activities}
        if monitored != counted:
            raise InterfaceError(
                f"the network monitors {monitored} (activity: inputs), the interface says {counted}"
            )

    def check_streams(self, streams: Mapping[str, Iterable[str]]) -> None:
        """Check that the network connects exactly the streams that the processes have.

        Args:
            streams: process -> names of its streams.

        Raises:
            InterfaceError: names the first stream that is missing or left over.
        """
        for process in self.processes:
            if process not in streams:
                raise InterfaceError(f"there is no process {process} in the C++")
        has = {f"{process}.{name}" for process in self.processes for name in streams[process]}
        connected = {str(end) for end in self.ends()}
        for name in sorted(connected - has):
            raise InterfaceError(f"{name} is connected, but the C++ has no such stream")
        for name in sorted(has - connected):
            raise InterfaceError(f"{name} is not connected")

    def check_manifests(self, manifests: Mapping[str, Manifest]) -> None:
        """Check names, directions and widths against the translated processes.

        Raises:
            InterfaceError: names the first stream that does not fit.
        """
        self.check_streams(
            {name: [item.name for item in found.streams] for name, found in manifests.items()}
        )
        streams = {
            f"{name}.{item.name}": item
            for name, found in manifests.items()
            for item in found.streams
        }
        for name in self.processes:
            if manifests[name].ports:
                raise InterfaceError(
                    f"{name} has the port {manifests[name].ports[0].name}: processes of a machine "
                    "have streams only"
                )
        for end in self.ends():
            found = streams[str(end)]
            if found.direction is not end.direction:
                raise InterfaceError(
                    f"{end} is an {found.direction.value} stream, the network uses it as "
                    f"{end.direction.value}"
                )
        for item in self.connections:
            source, target = streams[item.source_end], streams[item.target_end]
            if source.width != target.width:
                raise InterfaceError(
                    f"{item.source_end} has {source.width} bits, {item.target_end} {target.width}"
                )
        for edge in self.edges:
            width = streams[edge.end].width
            if edge.kind.is_packets and width != PACKET_WORD_BITS:
                raise InterfaceError(
                    f"{edge.end} has {width} bits, a packet word {PACKET_WORD_BITS}"
                )
            if not edge.kind.is_packets and width > PACKET_DATA_BITS:
                raise InterfaceError(
                    f"{edge.end} has {width} bits, a command or result at most {PACKET_DATA_BITS}"
                )


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InterfaceError(f"{what} {name} is there twice")
        seen.add(name)
