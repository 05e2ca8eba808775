# SPDX-License-Identifier: Apache-2.0
"""Results of slow tools, kept by a hash of everything they depend on.

Of C++ that is what the compiler reads after its preprocessor: every included file counts, whatever
its name and place, and no other does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from codegen.openhls.errors import ToolError

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


def check_unchanged(source: Path, before: bytes, after: bytes) -> None:
    """Keep a result out of the cache whose source was edited between the hash and the compiler.

    Raises:
        ToolError: the preprocessed texts differ.
    """
    if before != after:
        raise ToolError(f"{source}, or a file that it includes, changed meanwhile: run again")
