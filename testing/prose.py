# SPDX-License-Identifier: Apache-2.0
"""Finds two habits that make the project's prose hard to read: `python -m testing.prose`.

* Two articles in a row for "per" or "each": "a column an efficiency" (prose: an example).
* A docstring that is clear only beside its neighbour: it begins with "Of", "By", "The same" ...

It reads comments, docstrings, texts of messages, documents and templates. A line that is right as
it is says so: `prose: REASON` in a comment on that line, the reason in two words or more.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from testing.repository import ROOT

#: Files that are not ours to word, or are made from others.
_SKIPPED = ("tests/codegen/goldens/", "tests/data/", "pynq_driver/models/", "LICENSE")
_C_LIKE = (".cpp", ".hpp", ".h", ".sv", ".v", ".j2")
_HASH_LIKE = (".yml", ".yaml", ".toml", ".cff", ".txt", "Makefile")

_NUMBERS = "one two three four five six seven eight nine ten sixteen half both"
_COUNT = rf"(?:{'|'.join(_NUMBERS.split())}|\d[\d,.]*)"
_NOUN = r"[A-Za-z][\w\-]*"
#: What follows is no new sentence: "the seconds a request may take".
_NO_VERB = r"(?![\w\-]|\s+(?:may|can|must|has|is|will|takes|needs|was|reads|names)\b)"
#: Words that are in no noun phrase: something else is being said.
_NO_NOUN_TEXT = """
a about above add adding after again against all also although always an and answer any are around
as asking at away back be because become becomes been before begin beginning behind being below
beneath beside between beyond both building but by call came can cannot choose choosing come comes
comprise containing could did do doing down during e.g. each either else equal even ever every
except feeding few filling find finding following for from gave get gets give given giving got had
hand has have having hold holding how i.e. if in inside instead into is it its just keep kept
leave left less let like loading long made make makes making many may meaning meets might more
most much must naming need needs neither never no nor not now of off often on once one only onto
opening or other out over own passing per put rather reaching read reading same saw say see seem
send sending sent set shall should show since so some still such take taken takes taking than that
the their them then there these they this those though through times to too took toward towards
turn two under unless unlike until up upon use used using versus via vs want wants was were what
when where whether which while who whole whose why will with within without would write writing
wrote yet
"""
_NO_NOUN = frozenset(_NO_NOUN_TEXT.split())
#: What is counted where no number stands before it: "bytes a token" (prose: an example).
_COUNTED = re.compile(
    r"\b(?:beats|bits|bytes|codes|columns|cycles|elements|gains|mantissas|matrices|nats|rows|seconds|"
    rf"stages|steps|tokens|weights|words)\s+an?\s+[a-z][\w\-]*{_NO_VERB}",
    re.IGNORECASE,
)
#: Verbs with two objects: what follows is no rate.
_GIVING = (
    r"(?:giv\w*|gave|mak\w*|made|call\w*|send\w*|sent|show\w*|cost\w*|offer\w*|ask\w*|tell\w*)"
)
_RATE = re.compile(
    rf"\b(?P<first>(?:an?|each|{_COUNT}))\s+"
    rf"(?P<middle>(?:{_NOUN}\s+){{0,3}}?)"
    rf"(?P<article>an?)\s+(?P<last>{_NOUN}){_NO_VERB}",
    re.IGNORECASE,
)
_BEFORE = re.compile(rf"\b{_GIVING}\s+$", re.IGNORECASE)
#: A singular noun does not end like this; a verb in the third person or in the past does.
_VERB_END = re.compile(r"(?:[^su'i]s|[^e]ed)$")
_FRAGMENT = re.compile(r"^\s*(?:Of|That of|Those|By|The same)\b")
_ALLOWED = re.compile(r"prose: \w+ \w+")


@dataclass(frozen=True)
class Passage:
    """Some prose of a file.

    Attributes:
        lines: (number, text) of each line.
        is_docstring: whether it stands for a name, and so has to be clear alone.
    """

    lines: tuple[tuple[int, str], ...]
    is_docstring: bool = False


@dataclass(frozen=True)
class Finding:
    """A place to reword."""

    path: Path
    line: int
    text: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def passages(path: Path, text: str) -> list[Passage]:
    """Prose of a file by its kind; empty for kinds that have none."""
    if path.suffix in (".py", ".pyi"):
        return [*_python_texts(text), *_comments(_python_comments(text))]
    if path.suffix == ".md" or path.name.endswith(".md.j2"):
        return _document(text)
    if path.suffix in _C_LIKE:
        return _comments(_c_comments(text))
    if path.name.endswith(_HASH_LIKE):
        found = re.finditer(r"^\s*(#.*)$", text, re.MULTILINE)
        return _comments((text.count("\n", 0, item.start(1)) + 1, item[1]) for item in found)
    return []


def findings(path: Path, text: str) -> Iterator[Finding]:
    """What to reword in a file."""
    allowed = {number for number, line in enumerate(text.splitlines(), 1) if _ALLOWED.search(line)}
    for passage in passages(path, text):
        if passage.is_docstring and _FRAGMENT.match(passage.lines[0][1]):
            number, line = passage.lines[0]
            if number not in allowed:
                yield Finding(path, number, line.strip(), "does not stand alone")
        for number, words in _rates(passage):
            if number not in allowed:
                yield Finding(path, number, words, 'say "per" or "each"')


def _rates(passage: Passage) -> Iterator[tuple[int, str]]:
    joined, starts = "", []
    for number, line in passage.lines:
        starts.append((len(joined), number))
        joined += line.strip() + " "
    taken: list[tuple[int, int]] = []
    position = 0
    while match := _RATE.search(joined, position):
        position = match.start() + 1
        if _is_rate(match, joined):
            yield _line_at(starts, match.start()), match[0]
            taken.append(match.span())
            position = match.end()
    for match in _COUNTED.finditer(joined):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            yield _line_at(starts, match.start()), match[0]


def _line_at(starts: Sequence[tuple[int, int]], position: int) -> int:
    return max(line for start, line in starts if start <= position)


def _is_rate(match: re.Match[str], text: str) -> bool:
    middle = match["middle"].lower().split()
    first = match["first"].lower()
    words = [*middle, match["last"].lower()]
    if any(word in _NO_NOUN or len(word) == 1 for word in words):
        return False
    if not middle:
        return first == "one"
    plural = first not in ("a", "an", "each", "one", "1")
    if not plural and any(map(_VERB_END.search, middle)):
        return False
    if plural and not middle[-1].endswith("s"):
        return False
    return not _BEFORE.search(text[: match.start()])


def _python_texts(text: str) -> Iterator[Passage]:
    tree = ast.parse(text)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(id(first.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            last = node.end_lineno or node.lineno
            # A line break that is written as \\n begins no line of the file.
            lines = (
                (min(number, last), line)
                for number, line in enumerate(node.value.splitlines(), node.lineno)
            )
            for paragraph in _paragraphs(lines):
                is_first = paragraph[0][0] == node.lineno
                yield Passage(paragraph, id(node) in docstrings and is_first)


def _python_comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _c_comments(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        _, mark, comment = line.partition("//")
        if mark and not line.rstrip().endswith("\\"):
            yield number, mark + comment


def _comments(lines: Iterable[tuple[int, str]]) -> list[Passage]:
    """Comments on consecutive lines are one passage; `#:` and `///` begin a docstring."""
    found: list[list[tuple[int, str]]] = []
    marks: list[str] = []
    for number, comment in lines:
        mark, words = re.match(r"(//[/!]?<?|#:?)(.*)", comment).groups()  # type: ignore[union-attr]
        follows = found and found[-1][-1][0] == number - 1 and marks[-1] == mark
        if not (follows and words.strip()):
            found.append([])
            marks.append(mark)
        found[-1].append((number, words))
    return [Passage(tuple(item), mark in ("///", "///<", "#:")) for item, mark in zip(found, marks)]


def _document(text: str) -> list[Passage]:
    lines, in_code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            in_code = not in_code
        # A cell of a table is a passage of its own: another sign between them separates them.
        lines.append((number, "" if in_code or line.startswith("```") else line))
    return [Passage(item) for item in _paragraphs(lines)]


def _paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], ...]]:
    paragraph: list[tuple[int, str]] = []
    for number, line in lines:
        if line.strip():
            paragraph.append((number, line))
        elif paragraph:
            yield tuple(paragraph)
            paragraph = []
    if paragraph:
        yield tuple(paragraph)


def tracked_files(root: Path = ROOT) -> list[Path]:
    """Files under version control, relative to the root, without those that are not ours."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in names.splitlines() if not name.startswith(_SKIPPED)]


def main(argv: Sequence[str] | None = None) -> int:
    """Print all findings; returns the exit code (1: there are some)."""
    parser = argparse.ArgumentParser(prog="python -m testing.prose", description=__doc__)
    parser.add_argument("paths", nargs="*", help="files or folders (default: the repository)")
    arguments = parser.parse_args(argv)
    count = 0
    for path in tracked_files():
        if arguments.paths and not any(path.is_relative_to(item) for item in arguments.paths):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for finding in findings(path, text):
            count += 1
            print(finding)
    if count:
        print(f"{count} findings", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
