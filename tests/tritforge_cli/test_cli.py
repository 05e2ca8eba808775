# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testing.random_model import SMALL_SHAPE
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.language_model.image import Image, open_image
from tritforge_cli.main import main

COMMAND = [sys.executable, "-m", "tritforge_cli.main"]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_quiet_prints_the_text_alone() -> None:
    result = run("generate", "Once upon a time", "--seed", "1", "--quiet", "--max-tokens", "20")
    assert result.returncode == 0
    assert result.stdout.startswith("Once upon a time,")
    assert result.stdout.endswith("\n")
    assert result.stderr == ""


def test_figures_go_to_standard_error() -> None:
    result = run("generate", "Once", "--seed", "1", "--max-tokens", "20", "--threads", "1")
    for word in ("prompt", "decode", "tokens/s", "memory", "MB", "seed 1"):
        assert word in result.stderr
        assert word != "tokens/s" or word not in result.stdout


def test_ids_are_numbers_on_one_line_and_equal_across_backends() -> None:
    lines = {}
    for backend in ("cpu", "golden"):
        result = run(
            *("generate", "Lily", "--seed", "3", "--ids", "--quiet", "--max-tokens", "12"),
            *("--backend", backend),
        )
        assert result.stdout.count("\n") == 1
        lines[backend] = [int(item) for item in result.stdout.split()]
    assert len(lines["cpu"]) == 12
    assert lines["cpu"] == lines["golden"]


def test_float_backend_runs_on_the_embedded_model() -> None:
    result = run(
        "generate", "Once", "--backend", "float", "--temperature", "0", "--max-tokens", "5"
    )
    assert result.returncode == 0, result.stderr


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


def test_info_lists_what_scripts_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["shape"] == {"dim": 384, "layers": 8, "glu_width": 1024, "vocabulary": 4096}
    assert values["bits_per_ternary_weight"] < 1.61
    assert (values["kind"], values["format_version"]) == ("language-model", 1)
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(format 1, all hashes good)" in lines[0]
    assert lines[1].split() == ["kind", "language-model"]


def test_info_names_the_version_of_a_new_image(
    small_image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(small_image.path)]) == 0
    assert "(format 2, all hashes good)" in capsys.readouterr().out


def test_evaluate_json_has_the_documented_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "story.txt"
    text.write_text("Once upon a time, there was a little girl named Lily.\n", encoding="utf-8")
    assert main(["evaluate", str(text), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {"nats_per_token", "bits_per_char", "tokens"} <= set(values)
    assert 0 < values["nats_per_token"] < 4


def test_evaluate_refuses_what_is_not_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "data.bin"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["evaluate", str(binary)]) == 2
    assert "not UTF-8" in capsys.readouterr().err


def test_convert_then_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_random_checkpoint(tmp_path / "model", SMALL_SHAPE)
    output = tmp_path / "out" / "model.tritforge"
    assert main(["convert", str(tmp_path / "model"), "-o", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file_bytes"] == output.stat().st_size
    assert open_image(output).header.name == "model"
    arguments = ["generate", "abc", "--model", str(output), "--max-tokens", "4", "--ids", "--quiet"]
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.split()) <= 4
    assert main([*arguments, "--backend", "float"]) == 2
    assert "--keep-float" in capsys.readouterr().err


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


def test_image_without_its_engine_buffer_is_reported(small_image: Image, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tritforge"
    content = bytearray(small_image.path.read_bytes())
    content[small_image.sections["weights"].offset] ^= 1
    damaged.write_bytes(content)
    result = run("generate", "x", "--model", str(damaged))
    assert result.returncode == 2
    assert "does not match its SHA-256" in result.stderr
