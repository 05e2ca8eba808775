# SPDX-License-Identifier: Apache-2.0
"""What the documents say exists: links, files, modules, commands, names and lines of code."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from codegen.gen import add_project_options
from testing import walk
from testing.repository import ROOT
from tritforge_cli.main import build_parser

DOCUMENTS = walk.documents()
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    \S.*\n)+", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
#: Programs whose command lines are checked; what stands before them is not.
_PROGRAMS = ("tritforge", "python", "make", "pytest")
README_LINES = 120
#: What argparse says of a command that is named and not given in full.
_LACKING = re.compile(r"arguments are required|expected (one|at least one) argument")


def text_of(document: Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@cache
def tracked() -> tuple[Path, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in names.splitlines() if (ROOT / name).is_file())


def anchors(path: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        letters = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(letters.replace(" ", "-"))
    return found


def test_readme_is_short() -> None:
    assert len(text_of(Path("README.md")).splitlines()) <= README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    folder = (ROOT / document).parent
    for target in _LINK.findall(_FENCE.sub("", text_of(document))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (folder / name).resolve() if name else ROOT / document
        assert path.exists(), f"{document} links to {target}"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{document} links to {target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_lines_of_code_are_where_the_links_say(document: Path) -> None:
    assert not walk.check(document)


def test_every_document_is_in_the_index() -> None:
    index = text_of(Path("docs/README.md"))
    for document in DOCUMENTS:
        if document.parent == Path("docs") and document.name != "README.md":
            assert f"({document.name}" in index, document


# Paths in code spans. `<unit>` and `NAME` stand for names; commands make build/ and the like.
_TOPS = {path.relative_to(ROOT).parts[0] for path in tracked()}
_PATH = re.compile(r"^[\w.\-]+(?:/[\w.\-*]+)+/?$")


def code_spans(document: Path) -> Iterator[str]:
    for span in _CODE.findall(_FENCE.sub("", text_of(document))):
        yield from span.split()


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_paths_in_code_spans_exist(document: Path) -> None:
    folder = (ROOT / document).parent
    for span in code_spans(document):
        name = span.split("::")[0].rstrip(",;:")
        if not _PATH.match(name) or name.split("/")[0] not in _TOPS:
            continue
        assert any(ROOT.glob(name.rstrip("/"))) or (folder / name).exists(), (
            f"{document} names {name}"
        )


_PYTHON = re.compile(r"^```python.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_python_blocks_import_what_there_is(document: Path) -> None:
    for block in _PYTHON.findall(text_of(document)):
        for node in ast.walk(ast.parse(block)):
            module = str(node.module) if isinstance(node, ast.ImportFrom) else ""
            if module.split(".")[0] not in _TOPS:
                continue
            assert isinstance(node, ast.ImportFrom)
            for name in node.names:
                assert hasattr(importlib.import_module(module), name.name), (document, name.name)


def commands(document: Path) -> Iterator[tuple[list[str], bool]]:
    """Commands of shell blocks and of code spans, without what is piped or assigned before.

    With each, whether it is complete: a code span may name an option without its value.
    """
    text = text_of(document)
    lines = [(line, True) for block in _BLOCK.findall(text) for line in block.splitlines()]
    plain = _FENCE.sub("", text)
    indented = [line.strip() for block in _INDENTED.findall(plain) for line in block.splitlines()]
    lines += [(line, True) for line in indented] + [(span, False) for span in _CODE.findall(plain)]
    for line, complete in lines:
        for part in re.split(r"&&|;|\|", line.removeprefix("$ ")):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            while words and re.match(r"\w+=", words[0]):
                words = words[1:]
            if words and Path(words[0]).name in _PROGRAMS and len(words) > 1:
                yield [Path(words[0]).name, *words[1:]], complete


class _Refused(Exception):
    pass


def refuse(self: argparse.ArgumentParser, message: str) -> None:
    raise _Refused(message)


def check_command(words: list[str]) -> str | None:
    """What is wrong with a command, or None."""
    program, *rest = words
    if any("<" in word for word in words):
        return None  # a name that the reader fills in
    if program == "tritforge":
        return parse(build_parser(), rest) if rest[0] != "…" else None
    if program == "make":
        targets = (ROOT / "Makefile").read_text(encoding="utf-8")
        return next((f"make {t}" for t in rest if not re.search(rf"^{t}:", targets, re.M)), None)
    if program == "pytest":
        missing = [w for w in rest if "/" in w and not (ROOT / w.split("::")[0]).exists()]
        return f"pytest {missing[0]}" if missing else None
    if rest[0] == "-m" and len(rest) > 1:
        module = rest[1]
        if module.split(".")[0] in _TOPS and importlib.util.find_spec(module) is None:
            return f"there is no module {module}"
        return None
    script = rest[0]
    if script.endswith("gen.py"):
        parser = argparse.ArgumentParser()
        add_project_options(parser)
        parser.add_argument("--json", action="store_true")
        return parse(parser, rest[1:])
    if "/" in script and not (ROOT / script).is_file():
        return f"there is no {script}"
    return None


def parse(parser: argparse.ArgumentParser, words: list[str]) -> str | None:
    if "..." in words or "…" in words:
        words = [word for word in words if word not in ("...", "…")]
    try:
        parser.parse_args(words)
    except _Refused as error:
        return str(error)
    except SystemExit:  # --help
        return None
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_commands_are_those_of_the_programs(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argparse.ArgumentParser, "error", refuse)
    for words, complete in commands(document):
        wrong = check_command(words)
        if wrong is not None and not complete and _LACKING.search(wrong):
            continue
        assert wrong is None, f"{document}: {shlex.join(words)}: {wrong}"


def test_a_wrong_command_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argparse.ArgumentParser, "error", refuse)
    for command in (
        "tritforge synth --dims 2048",
        "tritforge sing",
        "python -m benchmarks.no_such_module",
        "python codegen/gen.py --port 2 3",
        "python benchmarks/absent.py",
        "pytest tests/absent.py",
        "make tea",
    ):
        assert check_command(shlex.split(command)), command


# CONTRIBUTING's list of places.
#: Units whose names are no common words.
_UNITS = ("dequantiser", "element_unit", "weight_join")
#: Texts that name units as examples, and what is generated from the sources.
_ELSEWHERE = ("CONTRIBUTING.md", "CHANGELOG.md", "docs/", "tests/codegen/goldens/")


def places_of(unit: str) -> set[str]:
    """Paths of the table "Add a unit"."""
    section = text_of(Path("CONTRIBUTING.md")).split("\n## Add a unit\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {name.replace("<unit>", unit) for cell in cells for name in _CODE.findall(cell)}


@pytest.mark.parametrize("unit", _UNITS)
def test_contributing_names_every_place_of_a_unit(unit: str) -> None:
    word = re.compile(rf"\b{unit}\b")
    naming = set()
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        text = "" if name.startswith(_ELSEWHERE) else path.read_bytes().decode(errors="replace")
        if word.search(name) or word.search(text):
            naming.add(name)
    assert naming - {"tests/test_documents.py"} <= places_of(unit)


# The glossary.
_KINDS = {
    "Python": (("tritforge", "codegen", "pynq_driver", "tritforge_cli"), (".py", ".pyi")),
    "C++": (("hls", "engine", "codegen"), (".hpp", ".cpp", ".h", ".hpp.j2", ".cpp.j2")),
    "RTL": (("hls", "codegen"), (".sv", ".sv.j2")),
}


@cache
def names_in_code(kind: str) -> frozenset[str]:
    """Identifiers of all files of a kind, comments and texts left out."""
    tops, suffixes = _KINDS[kind]
    names: set[str] = set()
    for path in tracked():
        if path.relative_to(ROOT).parts[0] not in tops or not path.name.endswith(suffixes):
            continue
        text = path.read_text(encoding="utf-8")
        if kind == "Python":
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            names |= {token.string for token in tokens if token.type == tokenize.NAME}
        else:
            bare = re.sub(r"//.*|/\*.*?\*/", "", text)
            names |= set(re.findall(r"\w+(?:::\w+)?", bare)) | set(re.findall(r"\w+", bare))
    return frozenset(names)


def glossary() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for line in text_of(Path("docs/glossary.md")).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[0] != "word" and "---" not in line:
            yield cells[0], dict(zip(_KINDS, map(_CODE.findall, cells[2:])))


def test_glossary_has_each_word_once_in_alphabetical_order() -> None:
    words = [word for word, _ in glossary()]
    assert len(words) == len(set(words)) >= 25
    for section in text_of(Path("docs/glossary.md")).split("\n## ")[1:]:
        mine = [word for word in words if f"\n| {word} |" in section]
        assert mine == sorted(mine)


@pytest.mark.parametrize("word, names", list(glossary()), ids=lambda item: str(item)[:30])
def test_glossary_names_are_in_the_code(word: str, names: dict[str, list[str]]) -> None:
    for kind, found in names.items():
        for name in found:
            assert name in names_in_code(kind), f"{word}: no {name} in {kind} code"
    assert any(names.values()), f"{word}: no name at all"


# The tool behind the links.
def repository(folder: Path) -> Path:
    git = shutil.which("git")
    assert git is not None
    (folder / "docs").mkdir()
    (folder / "package").mkdir()
    (folder / "package" / "code.py").write_text("X = 1\n\n\nclass A:\n    def b(self): ...\n")
    (folder / "package" / "code.hpp").write_text("struct A;\nvoid use(A);\n\nstruct A {\n};\n")
    (folder / "docs" / "page.md").write_text(
        "[`A.b`](../package/code.py#L1) [`X`](../package/code.py#L9) [`A`](../package/code.hpp#L0)"
    )
    subprocess.run([git, "init", "-q"], cwd=folder, check=True)
    return folder


def test_walk_finds_definitions_and_follows_what_moved(tmp_path: Path) -> None:
    root, page = repository(tmp_path), Path("docs/page.md")
    assert len(walk.check(page, root)) == 3
    assert walk.update(page, root) == [] and walk.check(page, root) == []
    assert [link.line for link in walk.links(page, root)] == [5, 1, 4]
    (root / "other").mkdir()
    (root / "package" / "code.py").rename(root / "other" / "code.py")
    walk._tracked.cache_clear()
    assert len(walk.check(page, root)) == 2
    assert walk.update(page, root) == []
    assert "[`A.b`](../other/code.py#L5)" in (root / page).read_text()


def test_walk_names_a_symbol_that_is_gone(tmp_path: Path) -> None:
    root, page = repository(tmp_path), Path("docs/page.md")
    walk.update(page, root)
    (root / "package" / "code.py").write_text("X = 1\n")
    walk._tracked.cache_clear()
    (problem,) = walk.update(page, root)
    assert "A.b" in problem and "is not there" in problem
