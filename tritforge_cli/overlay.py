# SPDX-License-Identifier: Apache-2.0
"""`tritforge overlay`: bitstream and hardware hand-off of a machine, with Vivado.

The RTL of the processes comes from the open flow or from Vitis HLS; what is around it is the same.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.gen import add_project_options
from codegen.machine.source import MachineSource
from codegen.overlay import SCRIPT, overlay_sources
from codegen.project import machine_source
from pynq_driver.board.overlay_files import BITSTREAM, HANDOFF, write_link, write_overlay
from tritforge.boards.block_design import BlockDesign, block_design
from tritforge.errors import TritforgeError
from tritforge.whole_file import whole_file
from tritforge_cli import vitis_hls
from tritforge_cli.rtl import build, chosen_project

#: What the scripts are written for.
VIVADO_VERSION = "2024.1"
OPEN_FLOW, VITIS_HLS = "open-flow", "vitis-hls"
#: Suffixes of what Vivado packages.
_RTL = (".sv", ".v", ".dat")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "overlay",
        help="build the overlay of a machine with Vivado",
        description="Make the RTL of a machine with the open flow or with Vitis HLS, package it as "
        f"IP, build the block design and the bitstream with Vivado {VIVADO_VERSION} (the free "
        "edition suffices, Vitis HLS is not needed), and write machine.bit, machine.hwh and "
        "config.json. Fails if the timing is not met.",
    )
    add_project_options(parser)
    parser.add_argument(
        "--core",
        choices=(OPEN_FLOW, VITIS_HLS),
        default=OPEN_FLOW,
        help="what makes the RTL of the processes (default: %(default)s)",
    )
    parser.add_argument(
        "--script-only",
        action="store_true",
        help="write sources and scripts, and print the commands, without a tool of AMD",
    )
    parser.add_argument(
        "--link",
        metavar="URL",
        help="also write machine.bit.link, PYNQ's pointer to a bitstream that lies elsewhere, for "
        "packages that do not carry it",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate, run Vivado, collect."""
    vivado = shutil.which("vivado")
    if vivado is None and not options.script_only:
        raise TritforgeError(
            f"vivado is not on the path: install Vivado {VIVADO_VERSION} (AMD's free Standard "
            "edition holds the Zynq-7000 and Kria parts) and source its settings64.sh, or give "
            "--script-only and run the commands elsewhere"
        )
    with_vitis = options.core == VITIS_HLS
    tool = vitis_hls.find_tool() if with_vitis and not options.script_only else None
    blueprint, folder = chosen_project(options)
    source = machine_source(blueprint)
    design = block_design(source.interface, source.board)
    sources, output = folder / "overlay" / "sources", folder / "overlay" / "vivado"
    arguments = ["-mode", "batch", "-nojournal", "-source", str(sources / SCRIPT)]
    arguments += ["-tclargs", str(sources), str(output)]
    if with_vitis:
        vitis_hls.write_hls_project(blueprint, folder)
        rtl = vitis_hls.rtl_around(folder)
        if tool:
            rtl = {**rtl, **vitis_hls.synthesise(tool, folder, source)}
        else:
            print(vitis_hls.commands(folder, sources))
    else:
        rtl = _open_flow_rtl(blueprint, folder)
    _write_sources(sources, rtl, design, source)
    output.mkdir(parents=True, exist_ok=True)
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
    if options.link is not None:
        print(f"link: {write_link(target, options.link)}")
    print(f"overlay: {target}\ntiming: {output / 'timing.rpt'}")
    return 0


def _open_flow_rtl(blueprint: Blueprint, folder: Path) -> Mapping[str, bytes]:
    files = build(blueprint, folder, with_resources=False).files
    return {name: text.encode() for name, text in files.items() if name.endswith(".sv")}


def _write_sources(
    folder: Path, rtl: Mapping[str, bytes], design: BlockDesign, source: MachineSource
) -> None:
    """Write what Vivado reads; it takes all that it finds, so RTL of an earlier call goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.suffix in _RTL:
            path.unlink()
    scripts = overlay_sources(design, source.network.name)
    files = {**rtl, **{name: text.encode() for name, text in scripts.items()}}
    for name, content in files.items():
        with whole_file(folder / name) as part:
            part.write_bytes(content)
