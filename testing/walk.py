# SPDX-License-Identifier: Apache-2.0
"""Links from the documents to lines of code, by symbol: `python -m testing.walk --update`.

A link is written as [`symbol`](../path/file.py#L0). The line number follows from the symbol, and
the path too where the symbol was moved and only one file defines it: nobody types either of them.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from testing.repository import ROOT

_LINK = re.compile(r"\[`([^`\]]+)`\]\(([^)#\s]+)#L(\d+)\)")
#: Words in front of the name of a definition in C++, SystemVerilog, C or a template.
_DEFINITION = (
    r"\b(?:struct|class|enum|namespace|module|using|constexpr|define|void|int|bool|auto)\b"
)


class WalkError(Exception):
    """A link whose symbol or file is not there."""


@dataclass(frozen=True)
class Link:
    """A link to a line.

    Attributes:
        document: relative to the root of the repository.
        target: path as the document has it, relative to the document.
    """

    document: Path
    symbol: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.document}: `{self.symbol}` in {self.target}#L{self.line}"


def documents(root: Path = ROOT) -> list[Path]:
    """All documents with links, relative to the root of the repository."""
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return sorted(path.relative_to(root) for path in found)


def links(document: Path, root: Path = ROOT) -> Iterator[Link]:
    """Links to lines of a document."""
    for symbol, target, line in _LINK.findall((root / document).read_text(encoding="utf-8")):
        yield Link(document, symbol, target, int(line))


def resolve(link: Link, root: Path = ROOT) -> Link:
    """The link as it should be now.

    Raises:
        WalkError: the file is gone, or does not define the symbol.
    """
    path = (root / link.document).parent.joinpath(link.target).resolve()
    line = line_of(path, link.symbol) if path.is_file() else None
    if line is None:
        path, line = _moved(link, root)
    target = Path(*_steps((root / link.document).parent, path)).as_posix()
    return Link(link.document, link.symbol, target, line)


def line_of(path: Path, symbol: str, mentions: bool = True) -> int | None:
    """Line that defines a symbol (`name`, `Class.name`, `Class::name`), or None.

    Args:
        mentions: outside Python, the first line that names the symbol will do where no line looks
            like its definition.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return _python_line(ast.parse(text), symbol.split("."))
    name, last = re.escape(symbol), re.escape(symbol.split("::")[-1])
    patterns = [rf"{_DEFINITION}[^;=(]*\b{name}\b[^;,)&*]*$", rf"{_DEFINITION}.*\b{last}\("]
    if mentions:
        patterns.append(rf"\b{last}\b")
    for pattern in patterns:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.lstrip().startswith(("//", "*")) and re.search(pattern, line):
                return number
    return None


def update(document: Path, root: Path = ROOT) -> list[str]:
    """Write every link of a document as it should be; what is wrong with those that are left."""
    file = root / document
    text = file.read_text(encoding="utf-8")
    pairs, problems = _resolved(document, root)
    for link, right in pairs:
        text = text.replace(
            f"[`{link.symbol}`]({link.target}#L{link.line})",
            f"[`{right.symbol}`]({right.target}#L{right.line})",
        )
    if text != file.read_text(encoding="utf-8"):
        file.write_text(text, encoding="utf-8")
    return problems


def check(document: Path, root: Path = ROOT) -> list[str]:
    """What is wrong with the links of a document, a message per link."""
    pairs, problems = _resolved(document, root)
    return problems + [
        f"{link} is {right.target}#L{right.line} now: run `python -m testing.walk --update`"
        for link, right in pairs
        if right != link
    ]


def _resolved(document: Path, root: Path) -> tuple[list[tuple[Link, Link]], list[str]]:
    """Links as they are and as they should be, and what is wrong with those that lead nowhere."""
    pairs, problems = [], []
    for link in links(document, root):
        try:
            pairs.append((link, resolve(link, root)))
        except WalkError as error:
            problems.append(str(error))
    return pairs, problems


def _python_line(tree: ast.AST, names: Sequence[str]) -> int | None:
    for node in ast.iter_child_nodes(tree):
        if names[0] not in _defined(node):
            continue
        if len(names) == 1:
            return int(node.lineno)  # type: ignore[attr-defined]
        found = _python_line(node, names[1:])
        if found is not None:
            return found
    return None


def _defined(node: ast.AST) -> set[str]:
    """Names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    if isinstance(node, ast.Assign):
        return {item.id for item in node.targets if isinstance(item, ast.Name)}
    return set()


def _moved(link: Link, root: Path) -> tuple[Path, int]:
    """Where a symbol went: the only file of its kind that defines it, of the same name if there is
    one."""
    suffix, name = Path(link.target).suffix, Path(link.target).name
    found = {
        root / path: line
        for path in _tracked(root)
        if path.endswith(suffix) and (line := line_of(root / path, link.symbol, False)) is not None
    }
    same_name = {path: line for path, line in found.items() if path.name == name}
    found = same_name or found
    if len(found) != 1:
        places = ", ".join(str(path.relative_to(root)) for path in found) or "no file"
        raise WalkError(f"{link} is not there; {places} may define it: write the link anew")
    return next(iter(found.items()))


@cache
def _tracked(root: Path) -> tuple[str, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return tuple(
        line
        for line in result.stdout.splitlines()
        if not line.startswith("tests/") and (root / line).is_file()
    )


def _steps(folder: Path, path: Path) -> list[str]:
    """Parts of the relative path from a folder to a file, `..` included."""
    folder = folder.resolve()
    up = 0
    while not path.is_relative_to(folder):
        folder, up = folder.parent, up + 1
    return [*([".."] * up), *path.relative_to(folder).parts]


def main(argv: Sequence[str] | None = None) -> int:
    """Check or update all links; returns the exit code (1: a link is wrong)."""
    parser = argparse.ArgumentParser(prog="python -m testing.walk", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the right lines and paths")
    arguments = parser.parse_args(argv)
    look = update if arguments.update else check
    problems = [problem for document in documents() for problem in look(document)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
