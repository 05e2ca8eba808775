# SPDX-License-Identifier: Apache-2.0
"""`tritforge selftest`: recorded tokens on backends."""

from __future__ import annotations

from typing import Any

import pytest

from pynq_driver.language_model.known_answer import WrongTokensError
from tritforge_cli import selftest
from tritforge_cli.main import main


def test_backends_that_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--tokens", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["golden", "ok"], ["cpu", "ok"]]


def test_one_that_is_wrong_and_one_that_cannot_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(backend: Any, name: str, count: int) -> None:
        raise WrongTokensError(f"{name} gives token 1")

    monkeypatch.delenv("TRITFORGE_OVERLAY", raising=False)
    monkeypatch.setattr(selftest, "check_known_answer", wrong)
    assert main(["selftest", "--backends", "cpu", "pynq"]) == 1
    output = capsys.readouterr().out
    assert "cpu      FAILED  cpu gives token 1" in output
    assert "pynq     FAILED  backend pynq needs an overlay" in output


@pytest.mark.parametrize("count", ["0", "33", "-1"])
def test_tokens_that_are_not_recorded(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", f"--tokens={count}"]) == 2
    assert "tokens" in (error := capsys.readouterr().err) and "32" in error
