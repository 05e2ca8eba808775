# SPDX-License-Identifier: Apache-2.0
"""Reads which module imports which, and in which room each of them lies."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path


def python_modules(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    """Dotted name -> file of every module, compiled ones by their stub."""
    found: dict[str, Path] = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py*")):
            if path.suffix in (".py", ".pyi"):
                parts = path.relative_to(root).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found.setdefault(name, path)
    return found


def imported_names(source: str, known: Iterable[str]) -> set[str]:
    """What a source file imports anywhere in it, functions and type checking included.

    Args:
        source: text of the file.
        known: dotted names of modules; `from package import name` means one of them if it is one.

    Raises:
        ValueError: the file has a relative import.
    """
    modules = set(known)
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"line {node.lineno}: relative import")
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                names.add(name if name in modules else str(node.module))
    return names


def room_of(name: str, rooms: Iterable[str]) -> str:
    """The innermost room that a module lies in, or "" if it lies in none."""
    inside = [room for room in rooms if f"{name}.".startswith(f"{room}.")]
    return max(inside, key=len, default="")


def wrong_rooms(
    module: str, source: str, table: Mapping[str, Iterable[str]], known: Iterable[str]
) -> set[str]:
    """Rooms that the module imports from although the table does not say so."""
    own = room_of(module, table)
    rooms = {room_of(name, table) for name in imported_names(source, known)}
    return rooms - {"", own, *table[own]}


def find_circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """Nodes along one circle of arrows, or an empty list if there is none."""
    done: set[str] = set()
    path: list[str] = []

    def visit(node: str) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        path.append(node)
        for following in sorted(arrows.get(node, ())):
            circle = visit(following)
            if circle:
                return circle
        path.pop()
        done.add(node)
        return []

    for node in sorted(arrows):
        circle = visit(node)
        if circle:
            return circle
    return []
