# SPDX-License-Identifier: Apache-2.0
"""What `tritforge perf` says: a table, a JSON document, a roofline plot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pynq_driver.language_model.performance import STALLS, Performance
from tritforge.boards import Board
from tritforge.language_model.config import (
    BYTES_PER_PORT,
    AcceleratorConfig,
    ModelShape,
)
from tritforge.ternary_code import TRITS_PER_BYTE
from tritforge_cli.roofline import (
    OPERATIONS_PER_WEIGHT,
    Point,
    ternary_intensity,
    write_roofline,
)

_MEGA = 1e6


@dataclass(frozen=True)
class Measurement:
    """Cost of a token at one efficiency of the memory."""

    efficiency: float
    performance: Performance


@dataclass(frozen=True)
class Report:
    """One call of `tritforge perf`.

    Attributes:
        shape: the whole model.
        board: with the clock that was asked for.
        samples: shapes that were simulated.
        seconds: of the simulation, random models included.
    """

    model: str
    shape: ModelShape
    config: AcceleratorConfig
    board: Board
    samples: tuple[ModelShape, ...]
    measurements: tuple[Measurement, ...]
    seconds: float


def document(report: Report) -> dict[str, Any]:
    """JSON-able; the figures at the top are those of the first efficiency."""
    runs = [_figures(item) for item in report.measurements]
    first = ("stream_utilisation", "tokens_per_s", "cycles_per_token", "layer_stream_utilisation")
    return {
        "model": report.model,
        "board": report.board.name,
        "ports": report.config.ports,
        "lanes": report.config.lanes,
        "clock_mhz": report.board.clock_mhz,
        **{name: runs[0][name] for name in first},
        "efficiencies": runs,
        "simulated": [asdict(shape) for shape in report.samples],
        "scaled_to": asdict(report.shape),
        "simulation_seconds": report.seconds,
    }


def _figures(measurement: Measurement) -> dict[str, Any]:
    found = measurement.performance
    return {
        "efficiency": measurement.efficiency,
        "memory_bytes_per_cycle": found.memory_bytes_per_cycle,
        "offered_bytes_per_cycle": found.offered_bytes_per_cycle,
        "limit": found.limit,
        "cycles_per_token": found.token["cycles"] / found.lanes,
        "tokens_per_s": found.tokens_per_second,
        "stream_utilisation": found.utilisation(found.token),
        "layer_stream_utilisation": found.utilisation(found.layer),
        "memory_utilisation": found.memory_utilisation(found.token),
        "layer_cycles": found.layer["cycles"],
        "weight_beats": found.token["array_beats"],
        "stalls": {what: found.token[name] for what, name in STALLS.items()},
    }


def text(report: Report) -> str:
    """A table with a column per efficiency."""
    board, config, small = report.board, report.config, report.samples[0]
    lines = [
        f"{report.model} on {board.title}: {config.ports} ports, {_lanes(config)}, "
        f"{board.clock_mhz:g} MHz; "
        f"{board.memory.kind}, {board.memory.peak_bytes_per_second / 1e9:g} GB/s peak",
        f"measured: {small.layers} and {2 * small.layers} layers, {small.vocabulary} and "
        f"{2 * small.vocabulary} head rows, random weights, tokens equal to the golden model's "
        f"({report.seconds:.0f} s)",
        f"scaled:   to {report.shape.layers} layers and {report.shape.vocabulary} head rows, by "
        "what one more layer and one more row cost",
        "",
    ]
    rows: list[tuple[str, Callable[[Performance], str]]] = [
        ("tokens/s", lambda p: f"{p.tokens_per_second:.2f}"),
        ("cycles per token", lambda p: f"{p.token['cycles'] / p.lanes:,.0f}"),
        ("cycles per layer", lambda p: f"{p.layer['cycles']:,.0f}"),
        ("stream utilisation", lambda p: f"{p.utilisation(p.token):.2%}"),
        ("  of one layer", lambda p: f"{p.utilisation(p.layer):.2%}"),
        ("memory utilisation", lambda p: f"{p.memory_utilisation(p.token):.2%}"),
        ("supply limited by", lambda p: p.limit),
        ("array: takes a weight beat", lambda p: _share(p, "array_beats")),
        *((f"array: {what}", _share_of(name)) for what, name in STALLS.items()),
    ]
    heads = [f"{item.efficiency:.0%}" for item in report.measurements]
    lines.append(_line("memory efficiency", heads))
    lines += [
        _line(name, [value(item.performance) for item in report.measurements])
        for name, value in rows
    ]
    lines += [
        "",
        "Stream utilisation: weight bytes taken over bytes on offer, which is what the memory "
        "delivers,",
        f"but at most the {BYTES_PER_PORT * config.ports} bytes per cycle that the ports take.",
    ]
    return "\n".join(lines)


def _lanes(config: AcceleratorConfig) -> str:
    return "1 lane" if config.lanes == 1 else f"{config.lanes} lanes"


def _share(performance: Performance, name: str) -> str:
    return f"{performance.token[name] / performance.token['cycles']:.2%}"


def _share_of(name: str) -> Callable[[Performance], str]:
    return lambda performance: _share(performance, name)


def _line(name: str, values: list[str]) -> str:
    return f"{name:<38}" + "".join(f"{value:>12}" for value in values)


def write_plot(path: Path, report: Report) -> None:
    """Roofline plot of all measurements; see `write_roofline`."""
    config, clock_hz = report.config, report.board.clock_mhz * _MEGA
    weights_per_cycle = TRITS_PER_BYTE * config.rows_per_beat * config.lanes
    points = [
        Point(
            f"memory at {item.efficiency:.0%}",
            item.performance.memory_bytes_per_cycle * clock_hz,
            OPERATIONS_PER_WEIGHT
            * report.shape.ternary_weights
            * item.performance.tokens_per_second,
        )
        for item in report.measurements
    ]
    title = (
        f"{report.model} on {report.board.title}: {config.ports} ports, {_lanes(config)}, "
        f"{report.board.clock_mhz:g} MHz"
    )
    array = OPERATIONS_PER_WEIGHT * weights_per_cycle * clock_hz
    write_roofline(path, title, ternary_intensity(config.lanes), array, points)
