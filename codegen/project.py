# SPDX-License-Identifier: Apache-2.0
"""What a generated project consists of: rendered templates, copied headers and golden vectors."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import jinja2

from codegen.constants import constants
from codegen.output import GENERATOR, MARKER_FILE
from codegen.vectors import vector_files
from tritforge import __version__
from tritforge.config import AcceleratorConfig, default_glu_width
from tritforge.errors import TritforgeError

_PACKAGE = Path(__file__).resolve().parent
#: Template -> path in the project.
_RENDERED = {
    "tritforge_config.hpp.j2": "include/tritforge_config.hpp",
    "top.hpp.j2": "src/top.hpp",
    "top.cpp.j2": "src/top.cpp",
    "CMakeLists.txt.j2": "CMakeLists.txt",
    "README.md.j2": "README.md",
}
#: Folders of hls/ that travel with the project, and which files of them.
_COPIED = {"include": "*.hpp", "shim": "*.h", "tb": "*.[ch]pp"}
CONFIG_FORMAT = 1
#: Column limit of .clang-format.
_COLUMNS = 100


def hls_folder() -> Path:
    """Headers and test benches: beside this package in a checkout, inside it when installed."""
    for folder in (_PACKAGE.parent / "hls", _PACKAGE / "hls"):
        if (folder / "include").is_dir():
            return folder
    raise TritforgeError(
        f"no hls/include beside or inside {_PACKAGE}: the installation is incomplete, install again"
    )


def default_folder(config: AcceleratorConfig) -> Path:
    """build/<name> of the checkout, or of the current folder where the generator is installed."""
    checkout = _PACKAGE.parent
    root = checkout if (checkout / "pyproject.toml").is_file() else Path()
    return root / "build" / project_name(config)


def project_name(config: AcceleratorConfig) -> str:
    """Short name; numbers that have their default value stay out of it."""
    usual = {item.name: item.default for item in dataclasses.fields(config)}
    usual["glu_width"] = default_glu_width(config.dim)
    shape = "".join(
        f"_{letter}{getattr(config, name)}"
        for letter, name in (("l", "layers"), ("g", "glu_width"), ("v", "vocabulary"))
        if getattr(config, name) != usual[name]
    )
    return f"tritforge_d{config.dim}{shape}_p{config.ports}_b{config.lanes}_{config.board}"


def command_line(config: AcceleratorConfig) -> str:
    """The command that makes this project again, every option spelled out."""
    names = ("dim", "layers", "glu_width", "vocabulary", "ports", "lanes", "board")
    options = (f"--{name.replace('_', '-')} {getattr(config, name)}" for name in names)
    return "python codegen/gen.py " + " ".join(options)


def _wrapped_command(config: AcceleratorConfig, prefix: str) -> str:
    """The command as comment lines that fit the column limit of .clang-format."""
    lines = textwrap.wrap(command_line(config), 90, break_long_words=False, break_on_hyphens=False)
    return "\n".join(prefix + line for line in lines)


def parameter_table(config: AcceleratorConfig, indent: str = "") -> str:
    """Constants as a text table: name, value, unit, range and meaning."""
    rows = [("name", "value", "unit", "range", "meaning")]
    rows += [
        (item.name, str(item.value), item.unit, item.allowed, item.meaning)
        for item in constants(config)
    ]
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


def render_project(config: AcceleratorConfig) -> dict[str, bytes]:
    """Every file of the project, relative POSIX path -> content, in sorted order.

    The result depends on `config` and on the generator's files only.

    Raises:
        TritforgeError: a part of the installation is missing.
    """
    files = {MARKER_FILE: _config_json(config)}
    files.update(_copied_files())
    files.update(_rendered_files(config, sorted(files)))
    for name, content in vector_files(config).items():
        files[f"tb/vectors/{name}"] = content.encode()
    return dict(sorted(files.items()))


def _config_json(config: AcceleratorConfig) -> bytes:
    document = {
        "generator": GENERATOR,
        "version": __version__,
        "format": CONFIG_FORMAT,
        "command": command_line(config),
        "fingerprint": config.fingerprint(),
        "config": config.to_mapping(),
        "constants": {item.name: item.value for item in constants(config)},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _copied_files() -> Iterator[tuple[str, bytes]]:
    root = hls_folder()
    for folder, pattern in _COPIED.items():
        paths = sorted((root / folder).glob(pattern))
        if not paths:
            raise TritforgeError(f"{root / folder} holds no {pattern}: install again")
        yield from ((f"{folder}/{path.name}", path.read_bytes()) for path in paths)


def _rendered_files(config: AcceleratorConfig, copied: list[str]) -> Iterator[tuple[str, bytes]]:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PACKAGE / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    suffix = "_tb.cpp"
    values = {
        "config": config,
        "name": project_name(config),
        "version": __version__,
        "command": _wrapped_command(config, ""),
        "command_in_cpp": _wrapped_command(config, "//   "),
        "command_in_cmake": _wrapped_command(config, "#   "),
        "fingerprint": config.fingerprint(),
        "constants": constants(config),
        "table": parameter_table(config, "//   "),
        "benches": [Path(path).name[: -len(suffix)] for path in copied if path.endswith(suffix)],
    }
    for template, path in _RENDERED.items():
        yield path, environment.get_template(template).render(values).encode()
