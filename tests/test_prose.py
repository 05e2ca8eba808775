# SPDX-License-Identifier: Apache-2.0
"""The check of prose: what it finds, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.prose import findings, main

# Each of these is what the check must find. prose: examples of mistakes
RATES = [
    "a table with a column an efficiency",  # prose: an example
    "one a operation",  # prose: an example
    "a DMA engine a stream",  # prose: an example
    "one column a lane",  # prose: an example
    "two bits a step",  # prose: an example
    "430 thousand cycles a second",  # prose: an example
    "it takes 1.6 bits a weight",  # prose: an example
    "all bytes a token",  # prose: an example
    "one top-level function a unit",  # prose: an example
]
GOOD = [
    "one column per lane",
    "a process reads a word",
    "gives a thread a share of the rows",
    "a row of a matrix",
    "a word and a flag",
    "one of a kind",
    "at most one word in a step",
    "a reader that got a word",
    "it calls a machine a unit",
    "two streams as a pair",
    "who holds a lane",
    "the seconds a request may take",
]


def rules(name: str, text: str) -> list[str]:
    return [item.rule for item in findings(Path(name), text)]


def wrapped(words: str, mark: str) -> str:
    """The words, one per line."""
    return "\n".join(f"{mark} {word}" for word in words.split())


@pytest.mark.parametrize("words", RATES)
def test_rate_is_found_in_every_kind_of_text(words: str) -> None:
    texts = {
        "a.py": f'"""{words.capitalize()}."""\n',
        "b.py": f"x = 1  # {words}\n",
        "c.py": f'print("x: {words}")\n',
        "d.hpp": f"/// {words}\n",
        "e.cpp": wrapped(words, "//") + "\n",
        "f.sv": f"wire x;  // {words}\n",
        "g.md": f"| x | {words} |\n",
        "h.hpp.j2": f"// {words}\n{{% if x %}}\n",
        "Makefile": f"# {words}\n",
        "i.yml": f"# {words}\nx: 1\n",
    }
    for name, text in texts.items():
        assert rules(name, text) == ['say "per" or "each"'], (name, text)


@pytest.mark.parametrize("words", GOOD)
def test_other_sentences_pass(words: str) -> None:
    assert not rules("a.md", words) and not rules("a.py", f"# {words}\n")


@pytest.mark.parametrize("start", ["Of every process.", "That of it.", "By name.", "The same."])
def test_docstrings_stand_alone(start: str) -> None:
    expected = ["does not stand alone"]
    assert rules("a.py", f'def f():\n    """{start}"""\n') == expected
    assert rules("a.py", f"#: {start}\nX = 1\n") == expected
    assert rules("a.hpp", f"/// {start}\nint x;\n") == expected
    assert not rules("a.py", f"# {start}\n"), "a comment stands beside its line"
    assert not rules("a.py", f'def f():\n    """Words. {start}"""\n')


def test_code_in_documents_is_no_prose() -> None:
    assert not rules("a.md", "```text\none word a step\n```\n")  # prose: an example


def test_a_reason_allows_a_line() -> None:
    line = "# one word a step"  # prose: an example
    assert not rules("a.py", f"{line}  prose: quoted from upstream\n")
    assert rules("a.py", f"{line}  prose:\n"), "without a reason it counts"


def test_command_reports_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["testing/prose.py"]) == 0
    assert capsys.readouterr().out == ""
