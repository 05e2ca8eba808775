# SPDX-License-Identifier: Apache-2.0
"""`tritforge perf`: cycles of a token on the Verilated machine, and what the board makes of it."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pynq_driver.machine import CompiledMachine
from pynq_driver.machine.performance import (
    STALLS,
    Performance,
    Sample,
    bytes_per_cycle,
    measure,
    sample_shapes,
    scale,
    set_bandwidth,
)
from tritforge.boards import Board, board_names, load_board
from tritforge.cli.arguments import add_json_argument, print_json
from tritforge.cli.machine import build_library
from tritforge.cli.roofline import OPERATIONS_PER_WEIGHT, Point, check_path, write_roofline
from tritforge.config import (
    BYTES_PER_PORT,
    RELEASED_SHAPES,
    TRITS_PER_BYTE,
    AcceleratorConfig,
    ModelShape,
    check_integer,
)
from tritforge.convert import ConversionOptions, convert
from tritforge.convert.random_checkpoint import SMALLEST_VOCABULARY, write_random_checkpoint
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.golden import GoldenModel
from tritforge.image import Image, open_image

#: Head rows of the smaller sample; twice as many in the larger one.
_VOCABULARY = 512
assert _VOCABULARY >= SMALLEST_VOCABULARY
_DESIGNED_EFFICIENCY = 0.75
_CLOCK_MHZ_RANGE = (1, 1000)
_LAYER_RANGE = (1, 8)
_MEGA = 1e6


@dataclass(frozen=True)
class _Measurement:
    efficiency: float
    performance: Performance


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "perf",
        help="measure the machine's speed in simulation",
        description="Run the Verilated machine on layers of a released model's shape (random "
        "weights, no checkpoint needed) with the board's memory model, and scale the cycles to "
        "the whole model. The first build of a shape takes minutes; it is kept.",
    )
    parser.add_argument(
        "--model",
        choices=tuple(RELEASED_SHAPES),
        default="370m",
        help="whose shape (default: %(default)s)",
    )
    parser.add_argument(
        "--board",
        choices=board_names(),
        default=AcceleratorConfig.board,
        help="clock and memory (default: %(default)s)",
    )
    parser.add_argument(
        "--ports",
        type=int,
        default=AcceleratorConfig.ports,
        metavar="P",
        help="64-bit weight ports (default: %(default)s)",
    )
    parser.add_argument(
        "--lanes",
        type=int,
        default=AcceleratorConfig.lanes,
        metavar="B",
        help="tokens that share a pass over the weights (default: %(default)s)",
    )
    parser.add_argument(
        "--clock-mhz", type=float, metavar="F", help="clock (default: that of the board)"
    )
    parser.add_argument(
        "--efficiency",
        type=float,
        nargs="+",
        metavar="E",
        help="share of the memory's peak that is reached, above 0, at most 1 (default: the board's "
        f"figure for sequential reads, and {_DESIGNED_EFFICIENCY})",
    )
    parser.add_argument(
        "--layers",
        type=int,
        default=1,
        metavar="N",
        help="layers of the smaller sample; the larger one has twice as many (default: 1)",
    )
    parser.add_argument(
        "--all-logits",
        action="store_true",
        help="send every logit to memory, not only the best ones",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="write a roofline plot (.png, .svg, .pdf)"
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build, measure, print."""
    board = load_board(options.board)
    clock_hz = _clock_hz(options, board)
    efficiencies = _efficiencies(options, board)
    check_integer("layers", options.layers, *_LAYER_RANGE)
    if options.plot:
        check_path(options.plot)
    shape = RELEASED_SHAPES[options.model]
    config = AcceleratorConfig(
        shape.dim,
        shape.layers,
        shape.glu_width,
        shape.vocabulary,
        ports=options.ports,
        lanes=options.lanes,
        board=options.board,
    )
    device = CompiledMachine(build_library("rtl", config))
    started = time.perf_counter()
    shapes = sample_shapes(shape, options.layers, _VOCABULARY)
    measurements = _measure_all(device, config, shape, shapes, clock_hz, efficiencies, options)
    seconds = time.perf_counter() - started
    if options.plot:
        _plot(options, config, shape, measurements)
    if options.json:
        print_json(_document(options, config, shapes, measurements, seconds))
    else:
        _print(options, board, config, shape, shapes, measurements, seconds)
    return 0


def _clock_hz(options: argparse.Namespace, board: Board) -> float:
    clock = board.clock_mhz if options.clock_mhz is None else options.clock_mhz
    low, high = _CLOCK_MHZ_RANGE
    if not low <= clock <= high:
        raise ConfigurationError(
            f"clock-mhz = {clock} is out of range: give a number from {low} to {high}"
        )
    return float(clock) * _MEGA


def _efficiencies(options: argparse.Namespace, board: Board) -> Sequence[float]:
    given: Sequence[float] | None = options.efficiency
    if given is None:
        return (board.memory.sequential_efficiency, _DESIGNED_EFFICIENCY)
    for value in given:
        if not 0 < value <= 1:
            raise ConfigurationError(
                f"efficiency = {value} is out of range: give a number above 0, at most 1"
            )
    return given


def _measure_all(
    device: CompiledMachine,
    config: AcceleratorConfig,
    shape: ModelShape,
    shapes: Sequence[ModelShape],
    clock_hz: float,
    efficiencies: Sequence[float],
    options: argparse.Namespace,
) -> list[_Measurement]:
    rates = [bytes_per_cycle(config.board_data, item, clock_hz) for item in efficiencies]
    samples: list[list[Sample]] = [[] for _ in rates]
    total = len(shapes) * (1 + len(rates))
    with (
        tempfile.TemporaryDirectory(prefix="tritforge_perf_") as name,
        tqdm(total=total, unit="step", desc="perf", disable=None, leave=False) as bar,
    ):
        for index, sample_shape in enumerate(shapes):
            bar.set_postfix_str("random model")
            image = _random_image(Path(name) / str(index), sample_shape, config)
            expected = _golden_tokens(image, config.lanes)
            bar.update()
            for rate, found in zip(rates, samples):
                bar.set_postfix_str("simulation")
                set_bandwidth(device, rate)
                sample, tokens = measure(device, config, image, options.all_logits)
                if tokens != expected:
                    raise TritforgeError(
                        f"the machine gives tokens {tokens}, the golden model {expected}: "
                        "the machine has a fault, please report it"
                    )
                found.append(sample)
                bar.update()
    return [
        _Measurement(efficiency, scale(tuple(found), shape, config, rate, clock_hz))
        for efficiency, rate, found in zip(efficiencies, rates, samples)
    ]


def _random_image(folder: Path, shape: ModelShape, config: AcceleratorConfig) -> Image:
    checkpoint, path = folder / "checkpoint", folder / "random.tritforge"
    write_random_checkpoint(checkpoint, shape)
    convert(checkpoint, path, ConversionOptions(ports=config.ports))
    return open_image(path)


def _golden_tokens(image: Image, lanes: int) -> list[int]:
    """Most likely next token after each of the tokens that `measure` runs."""
    import numpy as np

    model = GoldenModel(image)
    state = model.new_state()
    first = image.header.begin_token
    steps = (model.step(state, np.array([first + lane])) for lane in range(lanes))
    return [int(np.argmax(accumulators[0])) for accumulators, _ in steps]


def _operations_per_second(shape: ModelShape, performance: Performance) -> float:
    return OPERATIONS_PER_WEIGHT * shape.ternary_weights * performance.tokens_per_second


def _plot(
    options: argparse.Namespace,
    config: AcceleratorConfig,
    shape: ModelShape,
    measurements: Sequence[_Measurement],
) -> None:
    clock_hz = measurements[0].performance.clock_hz
    array = OPERATIONS_PER_WEIGHT * TRITS_PER_BYTE * config.rows_per_beat * config.lanes * clock_hz
    points = [
        Point(
            f"memory at {item.efficiency:.0%}",
            item.performance.memory_bytes_per_cycle * clock_hz,
            _operations_per_second(shape, item.performance),
        )
        for item in measurements
    ]
    write_roofline(
        options.plot,
        f"{options.model} on {config.board}: {config.ports} ports, {config.lanes} lanes, "
        f"{clock_hz / _MEGA:g} MHz",
        config.lanes,
        array,
        points,
    )


def _figures(measurement: _Measurement) -> dict[str, Any]:
    found = measurement.performance
    cycles = found.token["cycles"]
    return {
        "efficiency": measurement.efficiency,
        "memory_bytes_per_cycle": found.memory_bytes_per_cycle,
        "offered_bytes_per_cycle": found.offered_bytes_per_cycle,
        "limit": found.limit,
        "cycles_per_token": cycles / found.lanes,
        "tokens_per_s": found.tokens_per_second,
        "stream_utilisation": found.utilisation(found.token),
        "memory_utilisation": found.memory_utilisation(found.token),
        "layer_stream_utilisation": found.utilisation(found.layer),
        "layer_cycles": found.layer["cycles"],
        "stalls": {what: found.token[name] for what, name in STALLS.items()},
    }


def _document(
    options: argparse.Namespace,
    config: AcceleratorConfig,
    shapes: Sequence[ModelShape],
    measurements: Sequence[_Measurement],
    seconds: float,
) -> dict[str, Any]:
    runs = [_figures(item) for item in measurements]
    first = ("stream_utilisation", "tokens_per_s", "cycles_per_token", "layer_stream_utilisation")
    return {
        "model": options.model,
        "board": config.board,
        "ports": config.ports,
        "lanes": config.lanes,
        "clock_mhz": measurements[0].performance.clock_hz / _MEGA,
        **{name: runs[0][name] for name in first},
        "efficiencies": runs,
        "simulated": [{"layers": s.layers, "vocabulary": s.vocabulary} for s in shapes],
        "simulation_seconds": seconds,
    }


def _print(
    options: argparse.Namespace,
    board: Board,
    config: AcceleratorConfig,
    shape: ModelShape,
    shapes: Sequence[ModelShape],
    measurements: Sequence[_Measurement],
    seconds: float,
) -> None:
    clock_hz = measurements[0].performance.clock_hz
    print(
        f"{options.model} on {board.title}: {config.ports} ports, {config.lanes} lane(s), "
        f"{clock_hz / _MEGA:g} MHz; {board.memory.kind}, "
        f"{board.memory.peak_bytes_per_second / 1e9:g} GB/s peak"
    )
    layers, rows = shapes[0].layers, shapes[0].vocabulary
    print(
        f"simulated: {layers} and {2 * layers} layers, {rows} and {2 * rows} head rows, same "
        f"tokens as the golden model, {seconds:.0f} s; scaled to {shape.layers} layers and "
        f"{shape.vocabulary} rows\n"
    )
    rows_: list[tuple[str, list[str]]] = [
        ("memory efficiency", [f"{m.efficiency:.0%}" for m in measurements]),
        ("tokens/s", [f"{m.performance.tokens_per_second:.2f}" for m in measurements]),
        (
            "cycles a token",
            [f"{m.performance.token['cycles'] / config.lanes:,.0f}" for m in measurements],
        ),
        (
            "stream utilisation",
            [f"{m.performance.utilisation(m.performance.token):.2%}" for m in measurements],
        ),
        (
            "  of one layer",
            [f"{m.performance.utilisation(m.performance.layer):.2%}" for m in measurements],
        ),
        (
            "memory utilisation",
            [f"{m.performance.memory_utilisation(m.performance.token):.2%}" for m in measurements],
        ),
        ("limit", [m.performance.limit for m in measurements]),
    ]
    rows_.append(("cycles of the array", [""] * len(measurements)))
    parts = {"a weight beat": "array_beats", **STALLS}
    for what, name in parts.items():
        shares = [m.performance.token[name] / m.performance.token["cycles"] for m in measurements]
        rows_.append((f"  {what}", [f"{share:.2%}" for share in shares]))
    for name, values in rows_:
        print(f"{name:<34}" + "".join(f"{value:>14}" for value in values))
    beat = BYTES_PER_PORT * config.ports
    print(
        f"\nStream utilisation: weight bytes taken over bytes on offer, which is what the memory "
        f"delivers, at most {beat} a cycle."
    )
