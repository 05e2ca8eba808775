# SPDX-License-Identifier: Apache-2.0
"""`tritforge synth --route`: the clock that place and route confirms, unit by unit."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from codegen.openhls.synth.ecp5 import DEFAULT_DEVICE, DEVICES, Ecp5Device
from codegen.openhls.synth.route import Routed, cpp_lines, path_ends
from codegen.openhls.tools import PINNED_VERSIONS, ROUTE_VERSIONS
from codegen.route import WHOLE, RouteSettings, route_project
from tritforge.boards import load_board
from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig
from tritforge_cli.arguments import print_json
from tritforge_cli.progress import steps_bar
from tritforge_cli.rtl import build, chosen_project

_DEFAULT_SEEDS = 1
_SEEDS_RANGE, _LIMIT_RANGE, _TARGET_RANGE = (1, 32), (1, 86400), (1, 1000)
_DEFAULT_LIMIT_S = 1800
_COLUMNS = {"lut4": "LUT4", "ff": "FF", "mult18": "MULT18", "ebr": "EBR"}
#: Lines of C++ between the ends of a path; JSON has them all.
_SHOWN_LINES = 3
#: Options that say nothing without --route, with the values that stand for "not given".
_ROUTE_ONLY = {"device": "--device", "seeds": "--seeds", "only": "--only", "limit": "--limit"}


def add_route_options(parser: argparse.ArgumentParser) -> None:
    """--route and what belongs to it."""
    group = parser.add_argument_group("place and route")
    group.add_argument(
        "--route",
        action="store_true",
        help="place and route with nextpnr-ecp5 (needs the extras `rtl` and `route`); every unit "
        "stands between registers. Minutes for each larger unit; results are kept",
    )
    group.add_argument(
        "--device",
        choices=tuple(DEVICES),
        metavar="NAME",
        help=f"one of {', '.join(DEVICES)}; the last number is the speed grade, 6 is the slowest "
        f"(default: {DEFAULT_DEVICE})",
    )
    group.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="placements of each unit; the median counts, and 3 make a claim "
        f"(default: {_DEFAULT_SEEDS})",
    )
    group.add_argument(
        "--only",
        nargs="+",
        metavar="UNIT",
        help=f"units as the table names them, or {WHOLE} for the whole (default: everything)",
    )
    group.add_argument(
        "--limit",
        type=int,
        metavar="SECONDS",
        help="time limit of one placement; what it has reached by then is printed "
        f"(default: {_DEFAULT_LIMIT_S})",
    )
    group.add_argument(
        "--target-mhz",
        type=int,
        metavar="MHZ",
        help="clock that the tools work towards (default: the board's)",
    )


def refuse_route_options(options: argparse.Namespace) -> None:
    """Name an option that does nothing without --route.

    Raises:
        ConfigurationError: there is one.
    """
    for name, option in {**_ROUTE_ONLY, "target_mhz": "--target-mhz"}.items():
        if getattr(options, name) is not None:
            raise ConfigurationError(f"{option} is for place and route: give --route too")


def route(options: argparse.Namespace) -> int:
    """Place and route, and print a table or JSON."""
    board = load_board(options.board or AcceleratorConfig.board)
    settings = RouteSettings(
        device=DEVICES[options.device or DEFAULT_DEVICE],
        seeds=tuple(range(1, 1 + _checked("--seeds", options.seeds, _DEFAULT_SEEDS, _SEEDS_RANGE))),
        target_mhz=_checked("--target-mhz", options.target_mhz, board.clock_mhz, _TARGET_RANGE),
        time_limit_s=_checked("--limit", options.limit, _DEFAULT_LIMIT_S, _LIMIT_RANGE),
    )
    blueprint, folder = chosen_project(options)
    rtl = build(blueprint, folder, with_resources=False)
    with steps_bar("place and route", "unit") as progress:
        found = route_project(rtl, settings, options.only or (), progress)
    if options.json:
        print_json(_document(blueprint.name, settings, found))
    else:
        print(f"{blueprint.name}: placed and routed on {settings.device.title} by nextpnr-ecp5, ")
        print(f"aim {settings.target_mhz:g} MHz, {len(settings.seeds)} seed(s)\n")
        print(_table(settings.device, found))
    return 0


def _checked(option: str, value: int | None, default: int, limits: tuple[int, int]) -> int:
    return check_integer(option, default if value is None else value, *limits)


def _document(project: str, settings: RouteSettings, found: Mapping[str, Routed]) -> dict[str, Any]:
    return {
        "project": project,
        "device": settings.device.title,
        "available": dict(settings.device.available),
        "target_mhz": settings.target_mhz,
        "units": {
            name: {
                **item.cells,
                "fmax_mhz": item.median.fmax_mhz,
                "is_routed": item.is_routed,
                "cpp_lines": cpp_lines(item.median.path) if item.median.path else [],
                "placements": [asdict(placement) for placement in item.placements],
            }
            for name, item in found.items()
        },
        "measured": "routed by nextpnr-ecp5, every unit between registers; median of the seeds",
        "tools": {**PINNED_VERSIONS, **ROUTE_VERSIONS},
    }


def _table(device: Ecp5Device, found: Mapping[str, Routed]) -> str:
    head = f"{'unit':<16}{'MHz':>8}{'worst':>8}{'best':>8}"
    head += "".join(f"{title:>8}" for title in _COLUMNS.values()) + "  slowest path"
    rows = [_row(name, item) for name, item in found.items()]
    has = f"{'device has':<40}"
    has += "".join(f"{device.available[name]:>8}" for name in _COLUMNS)
    notes = ["MHz: median of the seeds. Slowest path: ns in logic and in wires, from and to."]
    if not all(item.is_routed for item in found.values()):
        notes.append("*: placed, not routed within the time limit; its wires are estimates")
    return "\n".join([head, *rows, has, "", *notes])


def _row(name: str, item: Routed) -> str:
    clocks = [placement.fmax_mhz for placement in item.placements]
    mark = " " if item.is_routed else "*"
    numbers = f"{item.median.fmax_mhz:>7.1f}{mark}{min(clocks):>8.1f}{max(clocks):>8.1f}"
    cells = "".join(f"{item.cells[key]:>8}" for key in _COLUMNS)
    path = item.median.path
    shown = ""
    if path is not None:
        start, end = path_ends(path)
        between = [line for line in cpp_lines(path) if line not in (start, end)]
        stations = " -> ".join((start, *between[:_SHOWN_LINES], end))
        shown = f"  {path.logic_ns:.1f} + {path.routing_ns:.1f} ns, {stations}"
    return f"{name:<16}{numbers}{cells}{shown}"
