# SPDX-License-Identifier: Apache-2.0
"""`tritforge rtl`: SystemVerilog of a machine or of single units, through the open flow."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from codegen.blueprint import Blueprint
from codegen.gen import LANGUAGE_MODEL, add_project_options, project_from_arguments
from codegen.project import blueprint_of, default_folder
from codegen.rtl import ProjectRtl, build_rtl
from tritforge.cli.arguments import add_json_argument, print_json

#: What `--dim` is if neither it nor other units are asked for: the smallest released model.
DEFAULT_DIM = 1024


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "rtl",
        help="make SystemVerilog from the HLS C++ of a configuration",
        description="Generate the HLS C++ project of a configuration and turn it to SystemVerilog: "
        "every unit with ready/valid streams, and for the language model the whole machine with "
        "AXI4-Stream ports and AXI4-Lite registers (clang, XLS; needs the extra `rtl`). "
        f"--dim defaults to {DEFAULT_DIM}.",
    )
    add_project_options(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build and print one line a unit, and the top of a machine."""
    blueprint, folder, rtl = build(options, with_resources=False)
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
        print_json({"project": blueprint.name, "top": top, "files": files, "units": rows})
        return 0
    print(f"{'unit':<16}{'stages':>7}{'interval':>10}{'latency':>9}  file")
    for name, row in rows.items():
        numbers = f"{row['pipeline_stages']:>7}{row['initiation_interval']:>10}{row['latency']:>9}"
        print(f"{name:<16}{numbers}  {row['file']}")
    if top:
        print(f"\nTop of the machine, with AXI and registers: {top}")
    return 0


def build(options: argparse.Namespace, with_resources: bool) -> tuple[Blueprint, Path, ProjectRtl]:
    """Build what the options ask for, with a progress bar."""
    if options.dim is None and options.units == LANGUAGE_MODEL:
        options.dim = DEFAULT_DIM
    project = project_from_arguments(options)
    blueprint, folder = blueprint_of(project), options.out or default_folder(project)
    with tqdm(desc="open flow", unit="step", disable=None, leave=False) as bar:

        def show(what: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        rtl = build_rtl(blueprint, folder, with_resources, show)
    return blueprint, folder, rtl
