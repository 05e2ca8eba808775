# SPDX-License-Identifier: Apache-2.0
"""CSV log of a training, one line per epoch; a resumed run continues it without a double line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from tritforge.whole_file import write_whole_text


class EpochLog:
    """Lines of numbers under fixed column names, the first of which is the epoch."""

    def __init__(self, path: Path, columns: Sequence[str], first_epoch: int = 0) -> None:
        """
        Args:
            first_epoch: lines of this epoch and later ones are dropped: they are computed again.
        """
        self._path, self._columns = path, tuple(columns)
        self._rows: list[list[str]] = []
        if first_epoch and path.exists():
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
            self._rows = [row for row in rows[1:] if row and int(row[0]) < first_epoch]

    def add(self, values: Mapping[str, float | int | None]) -> None:
        """Append one line; a value that is missing or None stays empty."""
        cells = (values.get(name) for name in self._columns)
        self._rows.append([_text(value) for value in cells])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self._columns, *self._rows])
        write_whole_text(self._path, text.getvalue())


def _text(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
