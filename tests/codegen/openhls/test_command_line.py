# SPDX-License-Identifier: Apache-2.0
"""`python -m codegen.openhls` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.__main__ import main
from codegen.openhls.manifest import manifest_from_json
from codegen.openhls.synth.xilinx7 import synthesise
from testing.openhls.proof_cases import KERNELS
from testing.openhls.unit_words import config_include, small_config

EXAMPLES = str(KERNELS / "examples.cpp")


def test_translate_prints_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", EXAMPLES, "--top", "consumer"]) == 0
    manifest = manifest_from_json(capsys.readouterr().out)
    assert [stream.name for stream in manifest.streams] == ["in", "differences"]


def test_build_writes_three_files_that_build_again(tmp_path: Path) -> None:
    assert (
        main(["build", EXAMPLES, "--top", "reverse", "--stages", "3", "--out", str(tmp_path)]) == 0
    )
    files = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert sorted(files) == ["reverse.ir", "reverse.manifest.json", "reverse.sv"]
    assert "module reverse (" in files["reverse.sv"]
    manifest = str(tmp_path / "reverse.manifest.json")
    assert main(["build", EXAMPLES, "--manifest", manifest, "--out", str(tmp_path / "b")]) == 0
    for name, text in files.items():
        assert (tmp_path / "b" / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["translate", EXAMPLES], "give --top NAME"),
        (["translate", EXAMPLES, "--top", "absent"], "there is no function absent"),
        (["translate", "absent.cpp", "--top", "x"], "absent.cpp is not a file"),
        (["translate", EXAMPLES, "--manifest", "absent.json"], "cannot read absent.json"),
        (["translate", EXAMPLES, "--top", "mix", "--stages", "0"], "give 1 to 256"),
        (["translate", EXAMPLES, "--top", "reverse"], "at least 3 pipeline stages"),
    ],
)
def test_mistakes_end_with_one_message(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert says in message and "Traceback" not in message


@pytest.mark.slow
def test_decoder_fits_16_luts_and_the_array_has_no_multiplier(tmp_path: Path) -> None:
    includes = [f"-I{folder}" for folder in config_include(small_config(), tmp_path)]
    out = str(tmp_path / "rtl")
    found = {}
    for top, stages in (("ternary_code", "1"), ("ternary_array", "2")):
        command = ["build", str(KERNELS / "units.cpp"), "--top", top, "--stages", stages]
        assert main([*command, *includes, "--out", out]) == 0
        text = (tmp_path / "rtl" / f"{top}.sv").read_text(encoding="utf-8")
        found[top] = synthesise(text, top)
    assert found["ternary_code"].luts <= 16
    assert found["ternary_array"].dsps == 0
