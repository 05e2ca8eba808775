# SPDX-License-Identifier: Apache-2.0
"""`tritforge perf`: cycles of a token on the Verilated machine, and what the board makes of it."""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pynq_driver.devices.compiled import CompiledMachine, MemoryModel
from pynq_driver.language_model.performance import Sample, measure, sample_shapes, scale
from tritforge.boards import Board, board_names, load_board, memory_values
from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.shape import PRESETS
from tritforge.language_model.config import (
    RELEASED_SHAPES,
    AcceleratorConfig,
    ModelShape,
    accelerator,
)
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.random_checkpoint import (
    SMALLEST_VOCABULARY,
    write_random_checkpoint,
)
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image, open_image
from tritforge_cli.arguments import add_json_argument, print_json
from tritforge_cli.machine import build_library
from tritforge_cli.perf_report import Measurement, Report, document, text, write_plot
from tritforge_cli.roofline import check_path

#: Head rows of the smaller sample; twice as many in the larger one.
_VOCABULARY = 512
assert _VOCABULARY >= SMALLEST_VOCABULARY
_DESIGNED_EFFICIENCY = 0.75
_CLOCK_MHZ_RANGE = (1, 1000)
_LAYER_RANGE = (1, 8)
_MEGA = 1e6


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "perf",
        help="measure the machine's speed in simulation",
        description="Run the Verilated machine on layers of a released model's shape (random "
        "weights, no checkpoint needed) with the board's memory model, and scale the cycles to "
        "the whole model; of a vision transformer also operation by operation. The first build of "
        "a shape takes minutes; it is kept.",
    )
    parser.add_argument(
        "--model",
        choices=(*RELEASED_SHAPES, *PRESETS),
        default="370m",
        help=f"whose shape; {', '.join(PRESETS)}: vision transformers (default: %(default)s)",
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
    board = _board(options)
    efficiencies = _efficiencies(options, board)
    if options.model in PRESETS:
        _refuse_language_options(options)
        # Imported late, as all that only one kind of model needs.
        from tritforge_cli.ivit.perf import vision_perf

        return vision_perf(options, board, _memory(board, efficiencies[0]))
    check_integer("layers", options.layers, *_LAYER_RANGE)
    if options.plot:
        check_path(options.plot)
    shape = RELEASED_SHAPES[options.model]
    config = accelerator(
        **dataclasses.asdict(shape), ports=options.ports, lanes=options.lanes, board=options.board
    )
    shapes = sample_shapes(shape, options.layers, _VOCABULARY)
    device = CompiledMachine(build_library("rtl", config))
    started = time.perf_counter()
    memories = [_memory(board, efficiency) for efficiency in efficiencies]
    samples = _measure(device, config, shapes, memories, options.all_logits)
    clock_hz = board.clock_mhz * _MEGA
    report = Report(
        options.model,
        shape,
        config,
        board,
        tuple(shapes),
        tuple(
            Measurement(
                efficiency, scale(tuple(found), shape, config, memory.bytes_per_cycle, clock_hz)
            )
            for efficiency, memory, found in zip(efficiencies, memories, samples)
        ),
        time.perf_counter() - started,
    )
    if options.plot:
        write_plot(options.plot, report)
    if options.json:
        print_json(document(report))
    else:
        print(text(report))
    return 0


def _refuse_language_options(options: argparse.Namespace) -> None:
    """Options without a meaning for vision transformers must not be given."""
    for name, value, usual in (
        ("ports", options.ports, AcceleratorConfig.ports),
        ("lanes", options.lanes, AcceleratorConfig.lanes),
        ("layers", options.layers, 1),
        ("all-logits", options.all_logits, False),
    ):
        if value != usual:
            raise ConfigurationError(
                f"--{name} belongs to language models, not to {options.model}: leave it out"
            )


def _board(options: argparse.Namespace) -> Board:
    """The board at the clock that is asked for."""
    board = load_board(options.board)
    clock = board.clock_mhz if options.clock_mhz is None else options.clock_mhz
    low, high = _CLOCK_MHZ_RANGE
    if not low <= clock <= high:
        raise ConfigurationError(
            f"clock-mhz = {clock} is out of range: give a number from {low} to {high}"
        )
    return dataclasses.replace(board, clock_mhz=clock)


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


def _memory(board: Board, efficiency: float) -> MemoryModel:
    """The board's memory at a share of its peak."""
    memory = dataclasses.replace(board.memory, sequential_efficiency=efficiency)
    return MemoryModel(**memory_values(dataclasses.replace(board, memory=memory)))


def _measure(
    device: CompiledMachine,
    config: AcceleratorConfig,
    shapes: Sequence[ModelShape],
    memories: Sequence[MemoryModel],
    all_logits: bool,
) -> list[list[Sample]]:
    """Samples of every shape, for every memory; each run must give the golden model's tokens."""
    samples: list[list[Sample]] = [[] for _ in memories]
    total = len(shapes) * (1 + len(memories))
    with (
        tempfile.TemporaryDirectory(prefix="tritforge_perf_") as name,
        tqdm(total=total, unit="step", desc="perf", disable=None, leave=False) as bar,
    ):
        for index, shape in enumerate(shapes):
            bar.set_postfix_str("random model")
            image = _random_image(Path(name) / str(index), shape, config)
            expected = _golden_tokens(image, config.lanes)
            bar.update()
            bar.set_postfix_str("simulation")
            for memory, found in zip(memories, samples):
                device.memory = memory
                sample, tokens = measure(device, config, image, all_logits)
                if tokens != expected:
                    raise TritforgeError(
                        f"the machine gives tokens {tokens}, the golden model {expected}: "
                        "the machine has a fault, please report it"
                    )
                found.append(sample)
                bar.update()
    return samples


def _random_image(folder: Path, shape: ModelShape, config: AcceleratorConfig) -> Image:
    checkpoint, path = folder / "checkpoint", folder / "random.tritforge"
    write_random_checkpoint(checkpoint, shape)
    convert(checkpoint, path, ConversionOptions(ports=config.ports))
    return open_image(path)


def _golden_tokens(image: Image, lanes: int) -> list[int]:
    """Most likely next token after each of the tokens that `measure` runs."""
    model = GoldenModel(image)
    state = model.new_state()
    first = image.header.begin_token
    steps = (model.step(state, np.array([first + lane])) for lane in range(lanes))
    return [int(np.argmax(accumulators[0])) for accumulators, _ in steps]
