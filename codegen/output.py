# SPDX-License-Identifier: Apache-2.0
"""Writing a project folder: all or nothing, and never over somebody else's files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tritforge.errors import ConfigurationError
from tritforge.whole_file import write_whole_text

#: The file that says that a folder is the generator's, and the key in it.
MARKER_FILE = "config.json"
GENERATOR = "tritforge codegen"


def write_project(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative POSIX path -> content) as `folder`.

    A folder that an earlier run made is replaced as a whole; whatever else lies in it at top level,
    such as a CMake build folder, is kept. If nothing changed, nothing is touched.

    Raises:
        ConfigurationError: `folder` exists and was not made by the generator.
        OSError: the folder cannot be written.
    """
    folder = Path.cwd() / folder
    _check_ownership(folder)
    if _is_up_to_date(folder, files):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        write_files(fresh, files)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        _keep_foreign_entries(old, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_texts(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write `files` (name -> content) into `folder`, each one whole or not at all; their paths.

    Other than `write_project`, it leaves whatever else lies in the folder alone.

    Raises:
        ConfigurationError: `folder` is something else than a folder.
        OSError: a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise _not_a_folder(folder) from None
    paths = []
    for name, text in files.items():
        paths.append(folder / name)
        write_whole_text(paths[-1], text)
    return paths


def _not_a_folder(folder: Path) -> ConfigurationError:
    return ConfigurationError(f"{folder} is not a folder: choose another one with --out")


def _check_ownership(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise _not_a_folder(folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        marker = json.loads((folder / MARKER_FILE).read_text(encoding="utf-8"))
        is_ours = isinstance(marker, dict) and marker.get("generator") == GENERATOR
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        raise ConfigurationError(
            f"{folder} was not made by this generator and is not empty: "
            "choose another folder with --out, or empty it"
        )


def _is_up_to_date(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the generator's part of the folder holds exactly these files."""
    if not folder.exists():
        return False
    found = set()
    for top in {name.split("/")[0] for name in files}:
        path = folder / top
        inside = path.rglob("*") if path.is_dir() else (path,)
        found |= {item.relative_to(folder).as_posix() for item in inside if item.is_file()}
    return found == set(files) and all(
        (folder / name).read_bytes() == content for name, content in files.items()
    )


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative POSIX path -> content) below a folder that nobody else looks into.

    Raises:
        OSError: a file cannot be written.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _keep_foreign_entries(old: Path, folder: Path) -> None:
    if not old.exists():
        return
    for entry in old.iterdir():
        target = folder / entry.name
        if not target.exists():
            entry.rename(target)
