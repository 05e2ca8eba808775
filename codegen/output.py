# SPDX-License-Identifier: Apache-2.0
"""Writing a project folder: all or nothing, and never over somebody else's files.

A hidden list in the folder says which files the generator wrote, with their hashes: what it does
not name, or what was edited since, is the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tritforge.errors import ConfigurationError
from tritforge.whole_file import write_whole_text

#: The file that says that a folder is the generator's, and the key in it.
MARKER_FILE = "config.json"
GENERATOR = "tritforge codegen"
#: Files of the project (`files`) and what was made of them (`outputs`): relative name -> SHA-256.
LIST_FILE = ".generated.json"


def write_project(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative POSIX path -> content) as `folder`.

    Files that an earlier run wrote and this one does not are removed, as are the outputs made of
    them (`note_outputs`); a user's own files and folders stay, wherever they lie. If nothing
    changed, nothing is touched.

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
        _write_list(fresh, {"files": {name: _hash(content) for name, content in files.items()}})
        if folder.exists():
            stale = _stale(folder, files)
            folder.rename(old)
            fresh.rename(folder)
            _keep_foreign_entries(old, folder, stale)
            # Not before all is moved: what a failure leaves there is the user's.
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def note_outputs(folder: Path, paths: Iterable[Path]) -> None:
    """Note files that were made of a project, such as its RTL: they go when the project changes.

    Args:
        folder: the project; without a list of its files nothing is noted.
        paths: files below it.

    Raises:
        OSError: a file cannot be read, or the list not written.
    """
    listed = _read_list(folder)
    if listed:
        outputs = {path.relative_to(folder).as_posix(): _hash(path.read_bytes()) for path in paths}
        _write_list(folder, {**listed, "outputs": {**listed.get("outputs", {}), **outputs}})


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_list(folder: Path, listed: Mapping[str, Mapping[str, str]]) -> None:
    write_whole_text(folder / LIST_FILE, json.dumps(listed, indent=1) + "\n")


def _read_list(folder: Path) -> dict[str, dict[str, str]]:
    """The list of a folder; empty if there is none that can be read."""
    try:
        listed = json.loads((folder / LIST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    good = isinstance(listed, dict) and all(isinstance(item, dict) for item in listed.values())
    return listed if good else {}


def _stale(folder: Path, files: Mapping[str, bytes]) -> set[str]:
    """Names of files that were generated for another project, or made of it, and never edited."""
    listed = _read_list(folder)
    known = {**listed.get("files", {}), **listed.get("outputs", {})}
    return {
        name
        for name, digest in known.items()
        if name not in files
        and (folder / name).is_file()
        and _hash((folder / name).read_bytes()) == digest
    }


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
    return (
        folder.exists()
        and _read_list(folder).get("files", {}).keys() == files.keys()
        and all(
            (folder / name).is_file() and (folder / name).read_bytes() == content
            for name, content in files.items()
        )
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


def _keep_foreign_entries(old: Path, folder: Path, stale: Iterable[str]) -> None:
    """Move what is not the generator's: `stale` files below `old` stay there."""
    gone = {old / name for name in stale}
    inside = {parent for path in gone for parent in path.parents}
    for entry in old.iterdir():
        target = folder / entry.name
        if entry in gone or entry.name == LIST_FILE:
            continue
        if entry.is_dir() and not entry.is_symlink() and (target.is_dir() or entry in inside):
            deeper = {path.relative_to(entry).as_posix() for path in gone if entry in path.parents}
            empty = not target.exists()
            target.mkdir(exist_ok=True)
            _keep_foreign_entries(entry, target, deeper)
            if empty and not any(target.iterdir()):
                target.rmdir()
        elif not os.path.lexists(target):
            entry.rename(target)
