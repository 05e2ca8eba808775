# SPDX-License-Identifier: Apache-2.0
"""Where a command reads and writes: prompts, encodings, full disks, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest

from testing.random_model import SMALL_SHAPE
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge_cli.main import main

SHORT = ["--seed", "1", "--max-tokens", "4", "--quiet"]


def run(
    *arguments: str,
    module: str = "tritforge",
    environment: dict[str, str] | None = None,
    **more: object,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload]
        [sys.executable, "-m", module, *arguments],
        timeout=120,
        check=False,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **(environment or {})},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


@pytest.mark.parametrize("module", ["tritforge", "tritforge_cli", "tritforge_cli.main"])
def test_the_command_runs_as_a_module(module: str) -> None:
    result = run("--version", module=module)
    assert result.returncode == 0 and result.stdout.startswith("tritforge ")


def test_prompts_come_from_anywhere(tmp_path: Path) -> None:
    expected = run("generate", "Once upon\na time", *SHORT).stdout
    assert expected.startswith("Once upon\na time")
    path = tmp_path / "prompt.txt"
    for text in ("Once upon\na time", "Once upon\na time\n", "Once upon\r\na time\r\n"):
        path.write_bytes(text.encode())
        assert run("generate", "--prompt-file", str(path), *SHORT).stdout == expected
        assert run("generate", "-", *SHORT, input=text).stdout == expected
        assert run("generate", "--prompt-file", "-", *SHORT, input=text).stdout == expected
    assert run("generate", *SHORT, "--", "-1 is").stdout.startswith("-1 is")
    assert run("generate", *SHORT, "--", "-").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-zhello"], "goes last, behind --"),
        (["-hello"], "goes last, behind --"),
        (["x", "--prompt-file", "y"], "leave one of them out"),
        (["--prompt-file", "no-such-file"], "cannot read no-such-file"),
    ],
)
def test_mistakes_with_prompts_are_named(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["generate", *arguments])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2 and words in capsys.readouterr().err


def test_input_that_is_no_text_is_named() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tritforge", "evaluate", "-"],
        input=b"\xff\xfe",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2 and b"standard input is not UTF-8 text (byte 0)" in result.stderr


def test_evaluation_reads_standard_input(tmp_path: Path) -> None:
    text = "Once upon a time, there was a dog.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    figures = [
        json.loads(result.stdout)["nats_per_token"]
        for result in (
            run("evaluate", str(tmp_path / "a.txt"), "--json"),
            run("evaluate", "-", "--json", input=text),
        )
    ]
    assert figures[0] == figures[1]


def test_special_tokens_are_text_unless_asked_for() -> None:
    text = run("generate", "a</s>", *SHORT).stdout
    assert text.startswith("a</s>")
    parsed = run("generate", "a</s>", *SHORT, "--special-tokens").stdout
    assert parsed.startswith("a</s>")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_output_that_is_not_utf_8(encoding: str) -> None:
    result = run("generate", "café 日", *SHORT, environment={"PYTHONIOENCODING": encoding})
    assert result.returncode == 0
    assert "\\u65e5" in result.stdout, "nothing is lost"
    assert result.stderr.count("\n") == 1 and "PYTHONIOENCODING=utf-8" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "The", *SHORT],
        ["generate", "The", "--ids", *SHORT],
        ["info"],
        ["info", "--json"],
    ],
)
def test_full_disk_is_one_message(arguments: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = run(*arguments, stdout=full)
    assert result.returncode == 1
    assert result.stderr == (
        f"tritforge {arguments[0]}: error: cannot write the output: No space left on device\n"
    )


#: A shell's background job inherits an ignored SIGINT; a user at a terminal has the default one.
_STARTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tritforge_cli import main
main.prepare_streams = lambda: print("started", flush=True)
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.2, 0.3])
def test_ctrl_c_while_modules_are_imported(seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTED, "generate", "Once", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "started\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    # The last moments of an interpreter that shuts down have the default handler: killed, silent.
    assert process.returncode in (130, 0, -signal.SIGINT), errors
    assert errors.strip() == ""


def test_ctrl_c_inside_a_library_that_raises_something_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("a module could not be imported") from None

    monkeypatch.setattr("tritforge_cli.info.open_image", interrupted)
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["info"]) == 130
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert capsys.readouterr().err.strip() == ""


def test_ctrl_c_inside_a_callback_that_cannot_raise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Collected:
        pass

    def interrupted(*arguments: object) -> None:
        collected = Collected()
        callback = weakref.ref(collected, lambda _: signal.raise_signal(signal.SIGINT))
        del collected
        time.sleep(30)
        raise AssertionError(f"nothing stopped {callback}")

    monkeypatch.setattr("tritforge_cli.info.open_image", interrupted)
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    hook = sys.unraisablehook
    try:
        assert main(["info"]) == 130
        assert sys.unraisablehook is hook
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_conversion_leaves_nothing_for_good(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM removes the temporary file; after SIGKILL a later conversion does."""
    folder, output = tmp_path / "model", tmp_path / "out" / "m.tritforge"
    write_random_checkpoint(folder, SMALL_SHAPE)
    program = (
        "import sys, time\n"
        "from tritforge.language_model.convert import converter\n"
        "converter._Conversion.run = lambda self, tokens: (print('at work', flush=True), "
        "time.sleep(60))\n"
        "from tritforge_cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "convert", str(folder), "-o", str(output)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "at work\n"
        (part,) = output.parent.iterdir()
        an_hour_ago = time.time() - 3600
        os.utime(part, (an_hour_ago, an_hour_ago))
        assert main(["convert", str(folder), "-o", str(output)]) == 0
        assert len(list(output.parent.iterdir())) == 2, "a part that is in use stays"
        process.send_signal(number)
        process.wait(30)
    assert part.exists() == (number == signal.SIGKILL)
    assert main(["convert", str(folder), "-o", str(output)]) == 0
    assert list(output.parent.iterdir()) == [output]
