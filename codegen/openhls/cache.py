# SPDX-License-Identifier: Apache-2.0
"""Results of slow tools, kept by a hash of everything they depend on."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

_VARIABLE = "TRITFORGE_CACHE"


def cache_folder() -> Path:
    """$TRITFORGE_CACHE, or tritforge/ in the user's cache folder. Deleting it is always safe."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tritforge"


def digest(parts: Iterable[str | bytes]) -> str:
    """Hash of a sequence of texts."""
    result = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        result.update(len(content).to_bytes(8, "little"))
        result.update(content)
    return result.hexdigest()[:32]


def header_contents(folders: Iterable[Path]) -> list[bytes]:
    """Names and contents of every header in and below some folders, for a hash."""
    return [
        content
        for folder in folders
        for path in sorted(folder.rglob("*.h*"))
        if path.is_file()
        for content in (path.relative_to(folder).as_posix().encode(), path.read_bytes())
    ]


def cached(kind: str, parts: Iterable[str | bytes], build: Callable[[Path], None]) -> Path:
    """Folder with the result for `parts`; `build` fills a fresh one if there is none yet."""
    folder = cache_folder() / kind / digest(parts)
    if folder.is_dir():
        return folder
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        build(fresh)
        try:
            fresh.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
