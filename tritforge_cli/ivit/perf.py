# SPDX-License-Identifier: Apache-2.0
"""`tritforge perf` of a vision transformer: cycles of an image on the Verilated machine."""

from __future__ import annotations

import argparse
import time

import numpy as np
from tqdm import tqdm

from codegen.ivit.blueprint import IvitBlueprint
from pynq_driver.devices.compiled import CompiledMachine, MemoryModel
from pynq_driver.ivit.backends.machine import MachineVisionBackend
from pynq_driver.ivit.performance import (
    image_counts,
    image_parts,
    linear_utilisation,
    measure_operations,
    single_block,
    stream_bytes,
)
from tritforge.boards import Board
from tritforge.errors import TritforgeError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.machine.cycles import image_cycles
from tritforge.ivit.random_parameters import random_parameters
from tritforge.ivit.shape import VisionWidths, preset
from tritforge_cli.arguments import print_json
from tritforge_cli.ivit.cycles import cycle_lines, cycles_by_step
from tritforge_cli.machine import build_machine
from tritforge_cli.roofline import OPERATIONS_PER_WEIGHT, Point, check_path, write_roofline

_AXIS = "operations per byte that is read (multiply and add)"


def vision_perf(options: argparse.Namespace, board: Board, memory: MemoryModel) -> int:
    """Build, measure, print.

    Raises:
        TritforgeError: the machine cannot be built, or has a fault.
    """
    if options.plot:
        check_path(options.plot)
    shape = preset(options.model)
    config = machine_for(shape, board=options.board)
    parameters = single_block(random_parameters(shape, VisionWidths()))
    device = CompiledMachine(build_machine("rtl", IvitBlueprint(config)))
    device.memory = memory
    size = (1, shape.image_size, shape.image_size, shape.channels)
    pixels = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    started = time.perf_counter()
    backend = MachineVisionBackend("rtl", parameters, device, config)
    if not np.array_equal(backend.logits(pixels), IvitGoldenModel(parameters).logits(pixels)):
        raise TritforgeError(
            "the machine gives other logits than the golden model: it has a fault, please report it"
        )
    with tqdm(desc="perf", unit="operation", disable=None, leave=False) as bar:

        def show(what: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)

        measured = measure_operations(device, parameters, config, pixels[0], show)
    device.close()
    seconds = time.perf_counter() - started
    total = image_counts(measured, shape.layers)
    lanes = config.token_lanes * config.feature_lanes
    used = shape.multiply_adds / (lanes * total["cycles"])
    rate = board.clock_mhz * 1e6 / total["cycles"]
    read = stream_bytes(parameters, config, shape.layers)
    if options.plot:
        title = f"{options.model} on {board.title}: {lanes} lanes, {board.clock_mhz:g} MHz"
        operations = OPERATIONS_PER_WEIGHT * shape.multiply_adds
        point = Point(
            "memory port", memory.bytes_per_cycle * board.clock_mhz * 1e6, operations * rate
        )
        peak = OPERATIONS_PER_WEIGHT * lanes * board.clock_mhz * 1e6
        write_roofline(options.plot, title, operations / read, peak, [point], _AXIS)
    if options.json:
        print_json(
            {
                "model": options.model,
                "board": board.name,
                "clock_mhz": board.clock_mhz,
                "cycles_per_image": total["cycles"],
                "images_per_s": rate,
                "stream_bytes_per_image": read,
                "lanes": lanes,
                "multipliers": config.array_multipliers,
                "lanes_in_use": used,
                "parts": image_parts(measured, shape.layers),
                "linear_utilisation": linear_utilisation(measured, shape.layers),
                "operations": cycles_by_step(measured, shape.layers),
                "array": {name: total[name] for name in total if name != "cycles"},
                "modelled_cycles": image_cycles(shape, config).total,
                "simulation_seconds": seconds,
            }
        )
        return 0
    print(
        f"{options.model} on {board.title}: {config.token_lanes} tokens x {config.feature_lanes} "
        f"features, {board.clock_mhz:g} MHz\n"
        f"measured: one block, random weights, all logits equal to the golden model's "
        f"({seconds:.0f} s)\n"
        f"scaled:   to {shape.layers} blocks, which repeat the same work\n"
    )
    print("\n".join(cycle_lines(measured, shape.layers, board.clock_mhz)))
    print(
        f"\nmultiply-adds: {used:.1%} of what {lanes} lanes in {config.array_multipliers} "
        f"multipliers could do in that time; {read:,} bytes are read"
    )
    print(f"the cycle model says {image_cycles(shape, config).total:,} cycles")
    return 0
