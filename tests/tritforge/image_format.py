# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/image-format.md."""

from __future__ import annotations

import re

from testing.repository import ROOT

TEXT = (ROOT / "docs" / "image-format.md").read_text(encoding="utf-8")

Table = list[dict[str, str]]


def tables() -> list[Table]:
    """Every Markdown table as rows of column name -> cell, without code marks."""
    result = []
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        rows = [
            [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
            for line in block.splitlines()
        ]
        assert set("".join(rows[1])) == {"-"}
        assert all(len(row) == len(rows[0]) for row in rows), rows[0]
        result.append([dict(zip(rows[0], row)) for row in rows[2:]])
    return result


def table_with(column: str, value: str) -> Table:
    (found,) = (t for t in tables() if any(row.get(column) == value for row in t))
    return found


def allowed_range(cell: str) -> tuple[int, int]:
    numbers = [int(number) for number in re.findall(r"-?\d+", cell)]
    return numbers[0], numbers[-1]
