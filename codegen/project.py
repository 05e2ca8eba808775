# SPDX-License-Identifier: Apache-2.0
"""What a generated project consists of: rendered templates, copied headers and golden vectors."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from codegen.blueprint import Blueprint, Machine
from codegen.machine.source import MachineSource
from codegen.machine.top import render_top, render_vitis_core
from codegen.machine.vitis_hls import vitis_hls_files
from codegen.output import GENERATOR, MARKER_FILE
from codegen.register_file import render_register_file
from codegen.rendering import render
from codegen.sources import hls_folder
from tritforge import __version__
from tritforge.errors import TritforgeError

_PACKAGE = Path(__file__).resolve().parent
#: Templates of every kind of project -> path in the project.
_COMMON_TEMPLATES = {"CMakeLists.txt.j2": "CMakeLists.txt", "README.md.j2": "README.md"}
#: Folders of hls/ whose files travel with the projects that include them.
_SOURCE_FOLDERS = ("include", "tb")
_SHIM_PATTERN = "*.h"
_INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)
CONFIG_FORMAT = 1
#: Column limit of .clang-format.
_COLUMNS = 100


def default_folder(blueprint: Blueprint) -> Path:
    """build/<name> of the checkout, or of the current folder where the generator is installed."""
    checkout = _PACKAGE.parent
    root = checkout if (checkout / "pyproject.toml").is_file() else Path()
    return root / "build" / blueprint.name


def command_line(blueprint: Blueprint) -> str:
    """The command that makes this project again, every option spelled out."""
    return f"python codegen/gen.py {blueprint.options}"


def _wrapped_command(blueprint: Blueprint, prefix: str) -> str:
    """The command as comment lines that fit the column limit of .clang-format."""
    command = command_line(blueprint)
    lines = textwrap.wrap(command, 90, break_long_words=False, break_on_hyphens=False)
    return "\n".join(prefix + line for line in lines)


def parameter_table(blueprint: Blueprint, indent: str = "") -> str:
    """Constants as text tables: name, value, unit, range and meaning."""
    tables = blueprint.tables
    texts = []
    for table in tables:
        rows = [("name", "value", "unit", "range", "meaning")]
        rows += [
            (item.name, str(item.value), item.unit, item.allowed, item.meaning)
            for item in table.constants
        ]
        title = f"{indent}{table.struct}\n" if len(tables) > 1 else ""
        texts.append(title + _text_table(rows, indent))
    return f"\n{indent.rstrip()}\n".join(texts)


def _text_table(rows: list[tuple[str, str, str, str, str]], indent: str) -> str:
    name, value, unit, allowed, _ = (max(map(len, column)) for column in zip(*rows))
    lines: list[str] = []
    for row in rows:
        start = f"{row[0]:{name}}  {row[1]:>{value}}  {row[2]:{unit}}  {row[3]:{allowed}}  "
        lines += textwrap.wrap(
            row[4],
            _COLUMNS,
            initial_indent=indent + start,
            subsequent_indent=indent + " " * len(start),
        )
    return "\n".join(lines)


def render_project(blueprint: Blueprint) -> dict[str, bytes]:
    """Every file of the project, relative POSIX path -> content, in sorted order.

    The result depends on `blueprint` and on the generator's files only.

    Raises:
        TritforgeError: a part of the installation is missing.
    """
    vectors = blueprint.vectors()
    files = {MARKER_FILE: _config_json(blueprint)}
    files.update(_rendered_files(blueprint, sorted(vectors)))
    benches = [f"{blueprint.folder}/{unit}_tb.cpp" for unit in sorted(vectors)]
    files.update(_copied_files(files, benches))
    files.update((f"tb/vectors/{unit}.txt", text.encode()) for unit, text in vectors.items())
    if blueprint.machine:
        files.update(_around_the_core(blueprint.machine))
    return dict(sorted(files.items()))


def render_sources(blueprint: Blueprint) -> dict[str, bytes]:
    """Only the C++ of the project, without benches and vectors: src/, include/ and shim/."""
    files = _rendered_files(blueprint, [])
    files.update(_copied_files(files, []))
    return {name: content for name, content in sorted(files.items()) if "/" in name}


def machine_source(blueprint: Blueprint) -> MachineSource:
    """What the whole machine of a project is built from.

    Raises:
        TritforgeError: the project is of units that stand alone.
    """
    machine = blueprint.machine
    if machine is None:
        raise TritforgeError(f"{blueprint.name} is no whole machine: leave out --units")
    return MachineSource(
        blueprint.name,
        machine.interface,
        machine.network,
        blueprint.pipeline_stages,
        machine.board,
        render_sources(blueprint),
    )


def _around_the_core(machine: Machine) -> dict[str, bytes]:
    """Scripts for Vitis HLS, and vitis/: what makes its core the open flow's machine."""
    network, interface = machine.network, machine.interface
    texts = render_register_file(interface.registers) | render_top(network, interface)
    texts[f"{network.core_name}.sv"] = render_vitis_core(network, interface)
    files = {f"vitis/{name}": text for name, text in texts.items()}
    files |= vitis_hls_files(network, machine.board)
    return {name: text.encode() for name, text in files.items()}


def _config_json(blueprint: Blueprint) -> bytes:
    document = {
        "generator": GENERATOR,
        "version": __version__,
        "format": CONFIG_FORMAT,
        "command": command_line(blueprint),
        "fingerprint": blueprint.fingerprint,
        "config": blueprint.to_mapping(),
        "constants": blueprint.constants_document(),
        "pipeline_stages": dict(blueprint.pipeline_stages),
    }
    if blueprint.machine:
        document["interface"] = blueprint.machine.interface.to_mapping()
    return (json.dumps(document, indent=2) + "\n").encode()


def _copied_files(rendered: dict[str, bytes], benches: Iterable[str]) -> dict[str, bytes]:
    """The shim, the test benches, and whatever they and the rendered files include."""
    root = hls_folder()
    shim = sorted((root / "shim").glob(_SHIM_PATTERN))
    if not shim:
        raise TritforgeError(f"{root / 'shim'} holds no {_SHIM_PATTERN}: install again")
    files = {f"shim/{path.name}": path.read_bytes() for path in shim}
    known = {Path(name).name for name in (*rendered, *files)}
    wanted = list(benches)
    for content in rendered.values():
        wanted += _included(content)
    while wanted:
        name = wanted.pop()
        if name in known:
            continue
        known.add(name)
        folder = _source_folder(root, name)
        content = (root / folder / name).read_bytes()
        files[f"{folder}/{name}"] = content
        wanted += _included(content)
    return files


def _included(content: bytes) -> list[str]:
    return [name.decode() for name in _INCLUDE.findall(content)]


def _source_folder(root: Path, name: str) -> str:
    for folder in _SOURCE_FOLDERS:
        if (root / folder / name).is_file():
            return folder
    raise TritforgeError(f"{root} holds no {name}: the installation is incomplete, install again")


def _rendered_files(blueprint: Blueprint, units: list[str]) -> dict[str, bytes]:
    templates = {**_COMMON_TEMPLATES, **blueprint.templates}
    values = {
        "name": blueprint.name,
        "purpose": blueprint.purpose,
        "version": __version__,
        "command": _wrapped_command(blueprint, ""),
        "command_in_cpp": _wrapped_command(blueprint, "//   "),
        "command_in_cmake": _wrapped_command(blueprint, "#   "),
        "fingerprint": blueprint.fingerprint,
        "tables": blueprint.tables,
        "table": parameter_table(blueprint, "//   "),
        "config_header": next(Path(path).name for path in templates.values() if "_config" in path),
        "folder": blueprint.folder,
        "has_machine": blueprint.machine is not None,
        "benches": units,
        **blueprint.template_values(),
    }
    return {path: render(template, values).encode() for template, path in templates.items()}
