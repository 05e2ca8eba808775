# SPDX-License-Identifier: Apache-2.0
"""Results of slow tools, kept by a hash of everything they depend on.

Of C++ that is what the compiler reads after its preprocessor: every included file counts, whatever
its name and place, and no other does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codegen.openhls.errors import ToolError
from tritforge.errors import TritforgeError

_VARIABLE = "TRITFORGE_CACHE"
#: File of an entry that names all others with their hashes; written last.
_CONTENTS = ".contents.json"


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
    """Folder with the result for `parts`; `build` fills a fresh one if there is none yet.

    An entry of which a cleaner of temporary files or a full disk left a part only is built anew.

    Raises:
        TritforgeError: the cache cannot be written.
    """
    folder = cache_folder() / kind / digest(parts)
    if _is_whole(folder):
        return folder
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        with _write_errors(folder):
            fresh.mkdir(parents=True)
        build(fresh)
        with _write_errors(folder):
            (fresh / _CONTENTS).write_text(json.dumps(_contents(fresh)), encoding="utf-8")
            _put(fresh, folder)
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


def _contents(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder, by its name there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _CONTENTS
    }


def _is_whole(folder: Path) -> bool:
    """Whether an entry has the files that it was built with, unchanged."""
    try:
        expected = json.loads((folder / _CONTENTS).read_text(encoding="utf-8"))
        found = _contents(folder)
    except (OSError, ValueError):
        return False
    # A tool that uses an entry may leave more files there.
    return isinstance(expected, dict) and expected == {name: found.get(name) for name in expected}


def _put(fresh: Path, folder: Path) -> None:
    """Give a fresh entry its name; a damaged one goes, a whole one of another process stays."""
    for _ in range(2):
        try:
            fresh.rename(folder)
            return
        except OSError:
            if _is_whole(folder):
                return
            broken = folder.with_name(f"{folder.name}.{os.getpid()}.broken")
            with suppress(OSError):
                folder.rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
    fresh.rename(folder)


@contextmanager
def _write_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TritforgeError(
            f"cannot write the cache at {folder}: {error.strerror or error}: make room, or set "
            f"{_VARIABLE} to a folder on this machine that can be written"
        ) from None
