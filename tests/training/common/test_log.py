# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from training.common.log import EpochLog

COLUMNS = ("epoch", "loss", "accuracy")


def test_lines_and_empty_cells(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "log.csv", COLUMNS)
    log.add({"epoch": 0, "loss": 1.25})
    log.add({"epoch": 1, "loss": 1 / 3, "accuracy": None})
    text = (tmp_path / "log.csv").read_text(encoding="utf-8")
    assert text == "epoch,loss,accuracy\n0,1.25,\n1,0.333333,\n"


def test_resumed_log_has_every_epoch_once(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "log.csv", COLUMNS)
    for epoch in range(4):
        log.add({"epoch": epoch, "loss": float(epoch)})
    resumed = EpochLog(tmp_path / "log.csv", COLUMNS, first_epoch=2)
    resumed.add({"epoch": 2, "loss": 20.0})
    lines = (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["0,0,", "1,1,", "2,20,"]


def test_new_run_begins_a_new_log(tmp_path: Path) -> None:
    EpochLog(tmp_path / "log.csv", COLUMNS).add({"epoch": 0, "loss": 1.0})
    EpochLog(tmp_path / "log.csv", COLUMNS).add({"epoch": 0, "loss": 2.0})
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").count("\n") == 2
