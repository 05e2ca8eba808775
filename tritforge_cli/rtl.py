# SPDX-License-Identifier: Apache-2.0
"""`tritforge rtl`: SystemVerilog of a machine or of single units, through the open flow."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.gen import add_project_options, project_from_arguments
from codegen.models import DEFAULT_MODEL
from codegen.project import default_folder
from codegen.rtl import ProjectRtl, build_rtl
from codegen.waveform import UnitWaveform, waveform_unit, write_unit_waveform
from tritforge.errors import ConfigurationError
from tritforge_cli.arguments import add_json_argument, print_json
from tritforge_cli.progress import steps_bar
from tritforge_cli.waveform import add_waveform_argument, check_waveform, waveform_file

#: What `--dim` is if neither it nor other units are asked for: the smallest released model.
DEFAULT_DIM = 1024


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "rtl",
        help="make SystemVerilog from the HLS C++ of a configuration",
        description="Generate the HLS C++ project of a configuration and turn it to SystemVerilog: "
        "every unit with ready/valid streams and, without --units, the whole machine with "
        "AXI4-Stream ports and AXI4-Lite registers (clang, XLS; needs the extra `rtl`). "
        f"--dim defaults to {DEFAULT_DIM}.",
    )
    add_project_options(parser)
    group = parser.add_argument_group("waveform of a unit")
    add_waveform_argument(
        group,
        "run a unit's test bench on its Verilated RTL, compare every word with C-simulation and "
        "write all signals",
    )
    group.add_argument(
        "--waveform-unit",
        metavar="UNIT",
        help="which unit (default: the only one), as the table names them",
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build and print one line per unit, and the top of a machine."""
    blueprint, folder = chosen_project(options)
    unit = _waveform_unit(options, blueprint)
    rtl = build(blueprint, folder, with_resources=False)
    waveform = _write_waveform(options, blueprint, folder, rtl, unit) if unit else None
    rows = {
        unit.name: {
            "file": str(folder / "rtl" / f"{unit.name}.sv"),
            "pipeline_stages": unit.manifest.pipeline_stages,
            "initiation_interval": unit.manifest.initiation_interval,
            "latency": unit.manifest.latency,
        }
        for unit in rtl.units
    }
    top = str(folder / "rtl" / rtl.top) if rtl.top else None
    if options.json:
        files = [str(folder / "rtl" / name) for name in rtl.files]
        document = {"project": blueprint.name, "top": top, "files": files, "units": rows}
        shown = {"file": str(options.waveform), **asdict(waveform)} if waveform else None
        print_json({**document, "waveform": shown})
        return 0
    print(f"{'unit':<16}{'stages':>7}{'interval':>10}{'latency':>9}  file")
    for name, row in rows.items():
        numbers = f"{row['pipeline_stages']:>7}{row['initiation_interval']:>10}{row['latency']:>9}"
        print(f"{name:<16}{numbers}  {row['file']}")
    if top:
        print(f"\nTop of the machine, with AXI and registers: {top}")
    if waveform:
        print(
            f"\nWaveform of {waveform.unit}: {options.waveform}, {waveform.cycles} cycles\n"
            f"{waveform.input_words} words of its test bench in, {waveform.output_words} out, "
            "equal to C-simulation"
        )
    return 0


def _waveform_unit(options: argparse.Namespace, blueprint: Blueprint) -> str | None:
    """Checked before the long work starts."""
    if options.waveform is None:
        if options.waveform_unit is not None:
            raise ConfigurationError(
                f"--waveform-unit {options.waveform_unit}: name a file with --waveform too"
            )
        return None
    check_waveform(options.waveform)
    return waveform_unit(blueprint, options.waveform_unit)


def _write_waveform(
    options: argparse.Namespace, blueprint: Blueprint, folder: Path, rtl: ProjectRtl, name: str
) -> UnitWaveform:
    (unit,) = (item for item in rtl.units if item.name == name)
    with waveform_file(options.waveform) as path:
        return write_unit_waveform(folder, unit, path)


def chosen_project(options: argparse.Namespace) -> tuple[Blueprint, Path]:
    """What the options ask for, and its folder."""
    if options.dim is None and options.model == DEFAULT_MODEL:
        options.dim = DEFAULT_DIM
    blueprint = project_from_arguments(options)
    return blueprint, options.out or default_folder(blueprint)


def build(blueprint: Blueprint, folder: Path, with_resources: bool) -> ProjectRtl:
    """Build a project's RTL, with a progress bar."""
    with steps_bar("open flow") as progress:
        return build_rtl(blueprint, folder, with_resources, progress)
