# SPDX-License-Identifier: Apache-2.0
"""Command line of the open flow: `python -m codegen.openhls build kernel.cpp --top step`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from codegen.openhls.errors import InterfaceError
from codegen.openhls.flow import Design, build_design, default_includes, translate_file
from codegen.openhls.manifest import Manifest, manifest_from_json
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.openhls.synth.xilinx7 import HEADER, synthesise
from codegen.openhls.tools import check_tools
from codegen.output import write_texts
from tritforge.errors import TritforgeError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen.openhls",
        description="HLS C++ to SystemVerilog with open tools only.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("translate", "check the style; print the manifest the C++ says"),
        ("build", "also write TOP.sv, TOP.manifest.json and TOP.ir; --verilate compiles it too"),
        ("synth", "also estimate the resources on a Xilinx 7-series device with yosys"),
    ):
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        action.add_argument("source", type=Path, help="C++ file with the top function")
        action.add_argument("--top", help="name of the top function (or give a manifest)")
        action.add_argument("--manifest", type=Path, help="JSON manifest: top, stages, ports")
        action.add_argument("--stages", type=int, help="pipeline stages (default: 1)")
        action.add_argument(
            "-I",
            dest="includes",
            type=Path,
            action="append",
            default=[],
            metavar="FOLDER",
            help="folder with headers; the project's own are always there",
        )
        action.add_argument("--out", type=Path, default=Path(), help="output folder (default: .)")
        if name == "build":
            action.add_argument("--verilate", action="store_true", help="compile a simulation")
    return parser


def _wanted(arguments: argparse.Namespace) -> Manifest:
    if arguments.manifest is not None:
        try:
            text = arguments.manifest.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InterfaceError(f"cannot read {arguments.manifest}: {error}") from None
        manifest = manifest_from_json(text)
        if arguments.top not in (None, manifest.top):
            raise InterfaceError(f"--top is {arguments.top}, the manifest is for {manifest.top}")
        if arguments.stages not in (None, manifest.pipeline_stages):
            raise InterfaceError("give the stages in the manifest or by --stages, not both")
        return manifest
    if arguments.top is None:
        raise InterfaceError("no top function: give --top NAME or --manifest FILE")
    return Manifest(arguments.top, 1 if arguments.stages is None else arguments.stages)


def _write(folder: Path, design: Design) -> None:
    top = design.manifest.top
    files = {
        f"{top}.sv": design.system_verilog,
        f"{top}.manifest.json": design.manifest.to_json(),
        f"{top}.ir": design.ir,
    }
    for path in write_texts(folder, files):
        print(path)


def _run(arguments: argparse.Namespace) -> None:
    check_tools("ziglang", "xls-python")
    wanted = _wanted(arguments)
    step = translate_file(arguments.source, wanted.top, (*arguments.includes, *default_includes()))
    design = build_design(step, wanted)
    if arguments.action == "translate":
        print(design.manifest.to_json(), end="")
        return
    _write(arguments.out, design)
    if arguments.action == "synth":
        resources = synthesise(design.system_verilog, wanted.top)
        print(f"{HEADER}\n{resources.row(wanted.top)}")
    elif arguments.verilate:
        print(build_rtl_simulation(design.system_verilog, design.manifest).program)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for a mistake of the user)."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        _run(arguments)
    except (TritforgeError, OSError) as error:
        print(f"openhls: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
