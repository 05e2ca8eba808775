# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from training.language_model.loss_log import LogLine, LossLog
from training.language_model.loss_plot import plot_losses
from tritforge.errors import TritforgeError

LINES = [
    LogLine(10, 320, 5.25, None, 1e-3, 100.0),
    LogLine(20, 640, 1 / 3, 4.5, 2e-3, 101.0),
    LogLine(30, 960, 3.0, None, 1e-3, 99.0),
]


def test_resumed_log_goes_on_after_the_steps_that_were_done(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = LossLog(path)
    for line in LINES:
        log.add(line)
    assert LossLog(path, 20).lines == LINES[:2]
    assert LossLog(path).lines == []  # a new run
    assert path.read_text().splitlines()[1] == "10,320,5.25,,0.001,100.0"


def test_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TritforgeError, match="not the log"):
        LossLog(path, 1)


@pytest.mark.parametrize("name", ["loss.svg", "loss.png"])
def test_plot_is_written(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    assert plot_losses(LINES, tmp_path / name)
    assert (tmp_path / name).stat().st_size > 1000
