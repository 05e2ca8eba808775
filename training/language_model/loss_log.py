# SPDX-License-Identifier: Apache-2.0
"""The record of a run: one line of CSV for every logged step."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text


@dataclass(frozen=True)
class LogLine:
    """One line.

    Attributes:
        step: updates done.
        tokens: tokens seen.
        loss: of the step's batch, nats per token.
        validation_loss: of the held-out text, nats per token, or None where it was not measured.
        learning_rate: of the step.
        tokens_per_second: since the line before.
    """

    step: int
    tokens: int
    loss: float
    validation_loss: float | None
    learning_rate: float
    tokens_per_second: float


class LossLog:
    """Lines of a CSV file, which is written whole with every new line.

    Attributes:
        lines: those so far.
    """

    def __init__(self, path: Path, steps_done: int = 0) -> None:
        """
        Args:
            steps_done: keep the lines of an earlier run up to this step.

        Raises:
            TritforgeError: the file is not such a log.
        """
        self._path = path
        self.lines: list[LogLine] = []
        if steps_done and path.exists():
            self.lines = [line for line in _read(path) if line.step <= steps_done]

    def add(self, line: LogLine) -> None:
        """Add a line and write the file."""
        self.lines.append(line)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([item.name for item in fields(LogLine)])
        writer.writerows(astuple(line) for line in self.lines)
        write_whole_text(self._path, text.getvalue())


def _read(path: Path) -> list[LogLine]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                LogLine(
                    int(row["step"]),
                    int(row["tokens"]),
                    float(row["loss"]),
                    float(row["validation_loss"]) if row["validation_loss"] else None,
                    float(row["learning_rate"]),
                    float(row["tokens_per_second"]),
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TritforgeError(f"{path} is not the log of a training run: {error}") from None
