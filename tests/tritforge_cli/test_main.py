# SPDX-License-Identifier: Apache-2.0
"""What all commands of `tritforge` have in common: mistakes, help, Ctrl-C, a closed pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tritforge_cli.main import main

COMMAND = [sys.executable, "-m", "tritforge_cli.main"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["generate", "x", "--temperature", "-1"], ["temperature", "-1"]),
        (["generate", "x", "--threads", "0"], ["threads = 0", "1"]),
        (["generate", "x", "--model", "no-such-file"], ["cannot read no-such-file"]),
        (["info", "no-such-file"], ["cannot read"]),
        (["evaluate", "no-such-file"], ["cannot read no-such-file"]),
        (["convert", "no-such-folder", "-o", "x"], ["no-such-folder"]),
    ],
)
def test_mistakes_give_one_message_and_status_2(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "error:" in message
    for word in words:
        assert word in message


def test_json_and_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("generate", "info", "evaluate", "convert"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert "--" in capsys.readouterr().out


#: A shell's background job inherits an ignored SIGINT; a user at a terminal has the default one.
_WITH_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tritforge_cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_ends_cleanly() -> None:
    options = ["--backend", "golden", "--ignore-end", "--max-tokens", "100000"]
    with subprocess.Popen(
        [sys.executable, "-c", _WITH_CTRL_C, "generate", "Once", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(20)  # it has begun to print
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "tokens/s" in errors


def test_closed_pipe_is_no_error() -> None:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "generate", "Once", "--seed", "1"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write_end)
    os.close(read_end)
    time.sleep(0)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
