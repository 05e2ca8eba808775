# SPDX-License-Identifier: Apache-2.0
"""`tritforge info --system`: what a report of a fault needs."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import pytest

from pynq_driver import EMBEDDED_MODEL, _engine
from tritforge import __version__
from tritforge_cli.main import main
from tritforge_cli.system import processor_name


def test_json_has_versions_processor_kernels_and_hash(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITFORGE_KERNEL", "portable")
    assert main(["info", "--system", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["tritforge"] == __version__
    assert values["python"] == platform.python_version()
    assert values["engine"]["kernels"] == _engine.kernels()
    assert values["environment"]["TRITFORGE_KERNEL"] == "portable"
    assert values["image"]["sha256"] == hashlib.sha256(EMBEDDED_MODEL.read_bytes()).hexdigest()
    assert values["distributions"]["numpy"]


def test_text_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--system"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = {line[:26].strip() for line in lines}
    assert {"tritforge", "Python", "processor", "kernels", "numpy", "image"} <= names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t: fpu\n", "AMD EPYC 9B14"),
        (
            "processor : 0\nmodel name : ARMv7 Processor rev 0 (v7l)\n",
            "ARMv7 Processor rev 0 (v7l)",
        ),
        ("Hardware\t: Xilinx Zynq Platform\n", "Xilinx Zynq Platform"),
    ],
)
def test_processor_is_named_on_x86_and_arm(text: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(text, encoding="utf-8")
    assert processor_name(file) == name


def test_processor_has_some_name_without_the_file(tmp_path: Path) -> None:
    assert processor_name(tmp_path / "absent")
