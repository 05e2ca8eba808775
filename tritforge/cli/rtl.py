# SPDX-License-Identifier: Apache-2.0
"""`tritforge rtl`: SystemVerilog of every unit of a configuration, through the open flow."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from codegen.blueprint import Blueprint
from codegen.gen import LANGUAGE_MODEL, add_project_options, project_from_arguments
from codegen.project import blueprint_of, default_folder
from codegen.rtl import Unit, build_rtl
from tritforge.cli.arguments import add_json_argument, print_json

#: What `--dim` is if neither it nor other units are asked for: the smallest released model.
DEFAULT_DIM = 1024


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "rtl",
        help="make SystemVerilog from the HLS C++ of a configuration",
        description="Generate the HLS C++ project of a configuration and turn every unit into "
        "SystemVerilog with ready/valid streams (clang, XLS; needs the extra `rtl`). "
        f"--dim defaults to {DEFAULT_DIM}.",
    )
    add_project_options(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build and print one line a unit."""
    blueprint, folder, units = build(options, with_resources=False)
    rows = {
        unit.name: {
            "file": str(folder / "rtl" / f"{unit.name}.sv"),
            "pipeline_stages": unit.design.manifest.pipeline_stages,
            "initiation_interval": unit.design.manifest.initiation_interval,
            "latency": unit.design.manifest.latency,
        }
        for unit in units
    }
    if options.json:
        print_json({"project": blueprint.name, "units": rows})
        return 0
    print(f"{'unit':<16}{'stages':>7}{'interval':>10}{'latency':>9}  file")
    for name, row in rows.items():
        numbers = f"{row['pipeline_stages']:>7}{row['initiation_interval']:>10}{row['latency']:>9}"
        print(f"{name:<16}{numbers}  {row['file']}")
    return 0


def build(
    options: argparse.Namespace, with_resources: bool
) -> tuple[Blueprint, Path, tuple[Unit, ...]]:
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

        units = build_rtl(blueprint, folder, with_resources, show)
    return blueprint, folder, units
