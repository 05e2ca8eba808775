# SPDX-License-Identifier: Apache-2.0
"""`tritforge overlay`: bitstream and hardware hand-off of a machine, with Vivado."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

from codegen.gen import add_project_options
from codegen.overlay import SCRIPT, overlay_sources
from codegen.project import machine_source
from pynq_driver.board.overlay_files import BITSTREAM, HANDOFF, write_overlay
from tritforge.boards.block_design import block_design
from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text
from tritforge_cli.rtl import build, chosen_project

#: What the scripts are written for.
VIVADO_VERSION = "2024.1"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "overlay",
        help="build the overlay of a machine with Vivado",
        description="Make the SystemVerilog of a machine with the open flow, package it as IP, "
        f"build the block design and the bitstream with Vivado {VIVADO_VERSION} (the free edition "
        "suffices, Vitis HLS is not needed), and write machine.bit, machine.hwh and config.json. "
        "Fails if the timing is not met.",
    )
    add_project_options(parser)
    parser.add_argument(
        "--script-only",
        action="store_true",
        help="write the sources and the Tcl script, and print the command, without Vivado",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate, run Vivado, collect."""
    vivado = shutil.which("vivado")
    if vivado is None and not options.script_only:
        raise TritforgeError(
            f"vivado is not on the path: install Vivado {VIVADO_VERSION} (AMD's free Standard "
            "edition holds the Zynq-7000 and Kria parts) and source its settings64.sh, or give "
            "--script-only and run the script elsewhere"
        )
    blueprint, folder = chosen_project(options)
    source = machine_source(blueprint)
    rtl = build(blueprint, folder, with_resources=False)
    design = block_design(source.interface, source.board)
    sources, output = folder / "overlay" / "sources", folder / "overlay" / "vivado"
    for part in (sources, output):
        part.mkdir(parents=True, exist_ok=True)
    texts = {name: text for name, text in rtl.files.items() if name.endswith(".sv")}
    texts |= overlay_sources(design, Path(rtl.top).stem)
    for name, text in texts.items():
        write_whole_text(sources / name, text)
    arguments = ["-mode", "batch", "-nojournal", "-source", str(sources / SCRIPT)]
    arguments += ["-tclargs", str(sources), str(output)]
    if options.script_only:
        print(" ".join(["vivado", *arguments]))
        return 0
    for name in (BITSTREAM, HANDOFF):
        (output / name).unlink(missing_ok=True)
    status = subprocess.run([str(vivado), *arguments], cwd=output, check=False).returncode
    if status or not all((output / name).is_file() for name in (BITSTREAM, HANDOFF)):
        raise TritforgeError(
            f"vivado ended with status {status} and no overlay: see {output / 'vivado.log'}"
        )
    target = folder / "overlay" / source.board.name
    write_overlay(
        target,
        output / BITSTREAM,
        (output / HANDOFF).read_text(encoding="utf-8"),
        source.interface,
        blueprint.to_mapping(),
        source.board,
        design.clock_mhz,
        is_simulated=False,
    )
    print(f"overlay: {target}\ntiming: {output / 'timing.rpt'}")
    return 0
