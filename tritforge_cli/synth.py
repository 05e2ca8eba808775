# SPDX-License-Identifier: Apache-2.0
"""`tritforge synth`: resource estimate of a configuration against the board's budget."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict

from codegen.gen import add_project_options
from codegen.openhls.synth.xilinx7 import Resources
from codegen.openhls.tools import PINNED_VERSIONS
from tritforge.boards import load_board
from tritforge.language_model.config import AcceleratorConfig
from tritforge_cli.arguments import add_json_argument, print_json
from tritforge_cli.route import add_route_options, refuse_route_options, route
from tritforge_cli.rtl import DEFAULT_DIM, build, chosen_project

_PATH = "path_ns"
#: Resource -> how the estimate counts it. LUTs used as RAM are LUTs of the device as well.
_COUNTS: Mapping[str, Callable[[Resources], float]] = {
    "lut": lambda item: item.luts + item.lut_rams,
    "ff": lambda item: item.flip_flops,
    "dsp": lambda item: item.dsps,
    "bram36": lambda item: item.block_rams / 2,
}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "synth",
        help="estimate the resources of a configuration",
        description="Synthesise every unit of a configuration with yosys (synth_xilinx -family "
        "xc7), and for the language model the FIFOs, registers and AXI around them, and compare "
        "the total with the board. An estimate before placement; needs the extra `rtl`. "
        "With --route, place and route every unit and the whole machine on a Lattice ECP5 instead. "
        f"--dim defaults to {DEFAULT_DIM}.",
    )
    add_project_options(parser)
    add_route_options(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Synthesise and print a table or JSON."""
    return route(options) if options.route else estimate(options)


def estimate(options: argparse.Namespace) -> int:
    """Estimate resources and longest paths for the board."""
    refuse_route_options(options)
    board = load_board(options.board or AcceleratorConfig.board)
    blueprint, folder = chosen_project(options)
    rtl = build(blueprint, folder, with_resources=True)
    rows = {name: counts(resources) for name, resources in rtl.resources.items()}
    total = {name: sum(row[name] for row in rows.values()) for name in _COUNTS}
    total["bram36"] = math.ceil(total["bram36"])
    paths = {name: resources.path_ps / 1000 for name, resources in rtl.resources.items()}
    critical = max(paths, key=lambda name: paths[name])
    budget = asdict(board.budget)
    if options.json:
        print_json(
            {
                "project": blueprint.name,
                "units": {name: {**row, _PATH: paths[name]} for name, row in rows.items()},
                "total": total,
                "critical_path_ns": paths[critical],
                "critical_unit": critical,
                "board": board.name,
                "budget": budget,
                "estimate": "XLS and yosys synth_xilinx -family xc7, before placement; "
                "paths are cell delays without routing",
                "tools": dict(PINNED_VERSIONS),
            }
        )
        return 0
    print(f"{blueprint.name}: estimate by XLS and yosys (xc7), before placement\n")
    print(_row("unit", {name: name.upper() for name in _COUNTS}) + f"{'PATH/ns':>10}")
    for name, row in rows.items():
        print(_row(name, row) + f"{paths[name]:>10.2f}")
    print(_row("total", total))
    print(_row(f"{board.name} has", budget))
    print(_row("share", {name: f"{100 * total[name] / budget[name]:.1f} %" for name in _COUNTS}))
    print(
        f"\nPATH: longest path in {critical}, cell delays of yosys without routing: no clock rate"
    )
    return 0


def counts(resources: Resources) -> dict[str, float]:
    """Resources of one unit in the board's terms (BRAM18 are half a BRAM36)."""
    return {name: count(resources) for name, count in _COUNTS.items()}


def _row(name: str, values: Mapping[str, object]) -> str:
    return f"{name:<16}" + "".join(f"{values[key]!s:>10}" for key in _COUNTS)
