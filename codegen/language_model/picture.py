# SPDX-License-Identifier: Apache-2.0
"""The data path of the language model as a picture: `python -m codegen.language_model.picture`.

Processes, FIFOs, depths and edges come from `machine_network`, widths from the C++. By hand is only
where a box lies and along which way an arrow goes; a process or a FIFO without a place is an error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.drawing import Box, Drawing, Point
from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.network import machine_network
from codegen.language_model.processes import machine_processes
from codegen.machine.network import Edge, Network
from codegen.machine.process import Process
from codegen.openhls.connection import Connection
from codegen.openhls.errors import CompileError, InterfaceError
from codegen.openhls.manifest import Direction
from codegen.openhls.system import host_compiler, run
from codegen.output import write_files
from codegen.project import render_sources
from tritforge.errors import TritforgeError
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge.machine_interface import PACKET_DATA_BITS
from tritforge.whole_file import whole_file

#: What docs/data-path.svg shows.
PICTURED = accelerator(dim=2048, ports=2)
#: Tells all others what to do; a bar above them.
_BAR = "sequencer"

_TIMES = "\N{MULTIPLICATION SIGN}"
_CONTROL, _DATA, _MEMORY = "#8895a5", "#0b7285", "#b35900"
_FILL, _MEMORY_FILL, _CONTROL_FILL = "#e6f4f6", "#fdf0e1", "#eef1f4"

_WIDTH, _HEIGHT = 1330, 650
_LEFT, _PITCH, _BOX = 130, 228, (158, 62)
_BAR_TOP, _BAR_HEIGHT = 60, 52
#: Top of every row of boxes; the rail of the sequencer runs beneath the last one.
_ROWS = (208, 348, 488)
_RAIL = 628
_RAIL_LEFT = 94

#: Process -> (column, row).
_PLACES: Mapping[str, tuple[int, int]] = {
    "vector_unit": (0, 0),
    "quantiser": (1, 0),
    "code_buffer": (2, 0),
    "ternary_array": (3, 0),
    "weight_join": (4, 0),
    "scalar_unit": (1, 1),
    "element_unit": (0, 2),
    "dequantiser": (3, 2),
    "head": (4, 2),
}


@dataclass(frozen=True)
class _Way:
    """An arrow from a side of a box to a side of another, with at most one step between.

    Attributes:
        start, end: side and part of the side, see `Box.at`.
        track: y of the middle piece, for arrows that begin or end at the top or at the bottom.
        label: part of the longest piece at which the label stands.
    """

    start: tuple[str, float]
    end: tuple[str, float]
    track: float | None = None
    label: float = 0.5


_ACROSS = _Way(("right", 0.5), ("left", 0.5))
#: Stream that is read -> way of its FIFO. FIFOs of the sequencer are placed by themselves.
_WAYS: Mapping[str, _Way] = {
    "quantiser.operands": _ACROSS,
    "code_buffer.groups": _ACROSS,
    "ternary_array.codes": _ACROSS,
    "ternary_array.weights": _Way(("left", 0.5), ("right", 0.5)),
    "scalar_unit.requests": _Way(("bottom", 0.1), ("top", 0.1)),
    "quantiser.responses": _Way(("top", 0.48), ("bottom", 0.48)),
    "dequantiser.scales": _Way(("bottom", 0.93), ("top", 0.3), track=308, label=0.45),
    "dequantiser.sums": _Way(("bottom", 0.6), ("top", 0.6)),
    "vector_unit.increments": _Way(("top", 0.1), ("bottom", 0.75), track=448, label=0.55),
    "vector_unit.products": _Way(("top", 0.25), ("bottom", 0.25)),
    "element_unit.activations": _Way(("left", 0.5), ("right", 0.5)),
    "head.scores": _ACROSS,
}
#: Number of FIFOs between a process and the sequencer -> where they meet the box, see `Box.at`.
_TAPS: Mapping[int, tuple[float, ...]] = {1: (0.38,), 2: (0.13, 0.63), 3: (0.04, 0.37, 0.76)}
#: Edge -> side of its process.
_EDGE_SIDES: Mapping[str, str] = {
    "commands": "left",
    "parameters": "left",
    "input": "left",
    "results": "right",
    "output": "right",
}
_WEIGHTS = "weights_"
#: Stream that is read -> a name that fits beside its arrow, where its own does not.
_SHORT_NAMES: Mapping[str, str] = {
    "element_unit.lower_bounds": "bounds",
    "ternary_array.weights": "beats",
}


def picture(config: AcceleratorConfig) -> str:
    """SVG of the machine of a configuration.

    Raises:
        InterfaceError: the network has a process, a FIFO or an edge that has no place here.
        ToolError, CompileError: there is no C++ compiler, or it rejects the generated C++.
    """
    return draw(config, machine_network(config), stream_widths(config))


def draw(config: AcceleratorConfig, network: Network, widths: Mapping[str, int]) -> str:
    """SVG of a given network.

    Args:
        widths: see `stream_widths`.
    """
    return _Picture(network, machine_processes(config.ports), widths).svg(config)


def stream_widths(config: AcceleratorConfig) -> dict[str, int]:
    """Bits of a word of every stream, `process.stream` -> bits, as the C++ compiler sees them."""
    streams = [
        (f"{process.name}.{stream.name}", stream.word)
        for process in machine_processes(config.ports)
        for stream in process.streams
    ]
    lines = [f'    std::printf("{name} %d\\n", {word}::width);' for name, word in streams]
    program = "\n".join(
        ["#include <cstdio>", '#include "top.hpp"', "int main() {", *lines, "}", ""]
    )
    compiler = host_compiler()
    with tempfile.TemporaryDirectory(prefix="tritforge_picture_") as name:
        folder = Path(name)
        write_files(folder, render_sources(LanguageModelBlueprint(config)))
        source = folder / "widths.cpp"
        source.write_text(program, encoding="utf-8")
        includes = [f"-I{folder / item}" for item in ("src", "include", "shim")]
        command = [*compiler.command, "-std=c++17", "-w", *includes, source]
        run([*command, "-o", folder / "widths"], f"{compiler.name} on widths.cpp", CompileError)
        found = run([folder / "widths"], "widths").split()
    return dict(zip(found[::2], map(int, found[1::2])))


def _name(item: Connection) -> str:
    """What stands beside the arrow of a FIFO."""
    if item.target == _BAR:
        return item.source_stream
    return _SHORT_NAMES.get(item.target_end, item.target_stream)


class _Picture:
    """Places what a network has, piece by piece."""

    def __init__(
        self, network: Network, processes: Sequence[Process], widths: Mapping[str, int]
    ) -> None:
        self._network, self._widths = network, widths
        self._processes = {item.name: item for item in processes}
        self._boxes = {name: self._box(name) for name in network.processes}

    def svg(self, config: AcceleratorConfig) -> str:
        title = "Data path of the language model's machine"
        drawing = Drawing(
            _WIDTH,
            _HEIGHT,
            title,
            f"{len(self._network.processes)} processes, {len(self._network.connections)} FIFOs and "
            f"{len(self._network.edges)} edges of the machine for dim {config.dim} with "
            f"{config.ports} weight ports and {config.lanes} lane(s).",
        )
        self._title(drawing, config)
        for name in self._network.processes:
            self._taps(drawing, name)
        self._rail(drawing)
        for item in self._network.connections:
            if _BAR not in (item.source, item.target):
                self._fifo(drawing, item)
        self._edges(drawing)
        for name, box in self._boxes.items():
            memories = ", ".join(
                item.name.removesuffix("_memory") for item in self._processes[name].memories
            ).removeprefix("memory")
            fill, line = (_CONTROL_FILL, _CONTROL) if name == _BAR else (_FILL, _DATA)
            if name == "weight_join":
                fill, line = _MEMORY_FILL, _MEMORY
            has_memory = bool(self._processes[name].memories)
            note = f"RAM: {memories}" if memories else "RAM"
            drawing.box(box, fill, line, note if has_memory else "")
        return drawing.svg()

    def _box(self, name: str) -> Box:
        width, height = _BOX
        if name == _BAR:
            columns = 1 + max(column for column, _ in _PLACES.values())
            return Box(name, _LEFT, _BAR_TOP, (columns - 1) * _PITCH + width, _BAR_HEIGHT)
        if name not in _PLACES:
            raise InterfaceError(f"the process {name} has no place in the picture: add it")
        column, row = _PLACES[name]
        return Box(name, _LEFT + column * _PITCH, _ROWS[row], width, height)

    def _title(self, drawing: Drawing, config: AcceleratorConfig) -> None:
        drawing.text(
            f"Machine for dim {config.dim}, {config.ports} weight ports", (_LEFT, 36), "title"
        )
        legend = ((_DATA, "data"), (_CONTROL, "control"), (_MEMORY, "to and from memory"))
        x = _LEFT + 400.0
        for colour, text in legend:
            drawing.arrow([(x, 31), (x + 34, 31)], colour)
            drawing.text(text, (x + 42, 35))
            x += 58 + 7.0 * len(text)
        drawing.text(f"name, and depth {_TIMES} bits of each FIFO", (x, 35))

    def _size(self, depth: int, end: str) -> str:
        return f"{depth} {_TIMES} {self._widths[end]}"

    def _rail(self, drawing: Drawing) -> None:
        """From the bar around the left side and beneath the last row: commands go along it."""
        bar, last = self._boxes[_BAR], max(row for _, row in _PLACES.values())
        end = max(
            self._boxes[name].at("top", 0.85)[0]
            for name, (_, row) in _PLACES.items()
            if row == last
        )
        start = bar.at("left", 0.75)
        points = [start, (_RAIL_LEFT, start[1]), (_RAIL_LEFT, _RAIL), (end, _RAIL)]
        drawing.arrow(points, _CONTROL, head=False, halo=False)

    def _taps(self, drawing: Drawing, name: str) -> None:
        """What a process and the sequencer say to each other, side by side."""
        mine = [
            item for item in self._network.connections if {item.source, item.target} == {_BAR, name}
        ]
        if name == _BAR or not mine:
            return
        box, (_, row) = self._boxes[name], _PLACES[name]
        if row == 1:
            raise InterfaceError(f"{name} lies in the middle, where the sequencer has no rail")
        bar = self._boxes[_BAR].at("bottom")[1]
        for index, item in enumerate(sorted(mine, key=lambda item: item.target == _BAR)):
            x = box.at("top", _TAPS[len(mine)][index])[0]
            far, near = (bar, box.top) if row == 0 else (_RAIL, box.at("bottom")[1])
            commands = item.source == _BAR
            is_data = not item.target_stream.endswith("headers") and commands
            points: list[Point] = [(x, far), (x, near)]
            drawing.arrow(points if commands else points[::-1], _DATA if is_data else _CONTROL)
            middle = (far + near) / 2
            drawing.text(_name(item), (x + 5, middle - 4))
            drawing.text(self._size(item.depth, item.target_end), (x + 5, middle + 10), "size")

    def _fifo(self, drawing: Drawing, item: Connection) -> None:
        if item.target_end not in _WAYS:
            raise InterfaceError(f"the FIFO to {item.target_end} has no way in the picture: add it")
        way = _WAYS[item.target_end]
        start = self._boxes[item.source].at(*way.start)
        end = self._boxes[item.target].at(*way.end)
        if way.track is None:
            points = [start, end]
            longest = (start, end)
        else:
            longest = ((start[0], way.track), (end[0], way.track))
            points = [start, *longest, end]
        drawing.arrow(points, _DATA)
        self._label(drawing, item, longest, way.label)

    def _label(
        self, drawing: Drawing, item: Connection, piece: tuple[Point, Point], part: float
    ) -> None:
        (x0, y0), (x1, y1) = piece
        x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
        name, size = _name(item), self._size(item.depth, item.target_end)
        if y0 == y1:
            drawing.text(name, (x, y - 6), anchor="middle")
            drawing.text(size, (x, y + 15), "size", anchor="middle")
        else:
            drawing.text(name, (x + 6, y - 3))
            drawing.text(size, (x + 6, y + 11), "size")

    def _edges(self, drawing: Drawing) -> None:
        sides: dict[tuple[str, str], list[Edge]] = {}
        for edge in self._network.edges:
            side = "right" if edge.name.startswith(_WEIGHTS) else _EDGE_SIDES.get(edge.name)
            if side is None:
                raise InterfaceError(f"the edge {edge.name} has no side in the picture: add it")
            sides.setdefault((edge.process, side), []).append(edge)
        for (process, side), edges in sides.items():
            for index, edge in enumerate(edges):
                part = (index + 0.5) / len(edges)
                if process == _BAR and side == "left":  # the rail leaves below
                    part = 0.18 + 0.3 * index
                narrow = process == _BAR or len(edges) > 1
                self._edge(drawing, edge, self._boxes[process].at(side, part), side, narrow)

    def _edge(self, drawing: Drawing, edge: Edge, at: Point, side: str, narrow: bool) -> None:
        """Args: narrow: there is no room beneath the line, the size stands beside the name."""
        is_left = side == "left"
        border = 12.0 if is_left else _WIDTH - 12.0
        points = [(border, at[1]), at]
        drawing.arrow(
            points if edge.kind.direction is Direction.INPUT else points[::-1],
            _MEMORY if edge.kind.is_packets else _CONTROL,
        )
        outer, inner = ("start", "end") if is_left else ("end", "start")
        bits = PACKET_DATA_BITS if edge.kind.is_packets else self._widths[edge.end]
        size = f"{edge.depth} {_TIMES} {bits}"
        drawing.text(edge.name, (border, at[1] - 5), anchor=outer)
        if narrow:
            drawing.text(size, (at[0] + (-8 if is_left else 8), at[1] - 5), "size", anchor=inner)
        else:
            drawing.text(size, (border, at[1] + 14), "size", anchor=outer)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the picture; returns the exit code (2 for a mistake of the user)."""
    parser = argparse.ArgumentParser(
        prog="python -m codegen.language_model.picture",
        description="Draw the data path of the language model's machine as SVG.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="SVG file to write")
    arguments = parser.parse_args(argv)
    try:
        with whole_file(arguments.out) as path:
            path.write_text(picture(PICTURED), encoding="utf-8")
    except (TritforgeError, OSError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
