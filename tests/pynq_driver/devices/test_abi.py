# SPDX-License-Identifier: Apache-2.0
"""The ctypes mirror of the C interface says what the header says."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
from pathlib import Path

import pytest

from pynq_driver.devices import abi
from pynq_driver.devices.compiled import CompiledMachine
from testing.repository import ROOT
from tests.proof.csim.simulation import tool
from tritforge.errors import TritforgeError
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface

HEADER = ROOT / "codegen" / "machine" / "cpp" / "tritforge_machine.h"


def compiled_numbers(folder: Path, expressions: list[str]) -> list[int]:
    """Values of C expressions, with the header included."""
    lines = [f'printf("%llu\\n", (unsigned long long)({item}));' for item in expressions]
    source = folder / "numbers.c"
    source.write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "{HEADER}"\n'
        "int main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    )
    program = folder / "numbers"
    subprocess.run([tool("gcc"), source, "-o", program], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in output.split()]


@pytest.mark.csim
def test_header_and_mirror_agree(tmp_path: Path) -> None:
    expected: dict[str, int] = {
        "TRITFORGE_ABI_VERSION": abi.VERSION,
        "TRITFORGE_LAST_NEVER": abi.LAST_NEVER,
    }
    expected |= {f"TRITFORGE_{item.name}": item for item in abi.Status}
    for name, kind in abi.STRUCTS.items():
        expected[f"sizeof(struct {name})"] = ctypes.sizeof(kind)
        for field, _ in kind._fields_:
            expected[f"offsetof(struct {name}, {field})"] = getattr(kind, field).offset
    found = compiled_numbers(tmp_path, list(expected))
    assert dict(zip(expected, found)) == expected


STAND_IN = """
#include "{header}"
uint64_t tritforge_abi_version(void) {{ return {version}; }}
const char* tritforge_description(void) {{ return {description}; }}
tritforge_instance* tritforge_open(void) {{ return 0; }}
{others}
"""


def stand_in(version: int = abi.VERSION, description: str = "{}") -> str:
    """A library with every function of the header; those that matter here do something."""
    names = re.findall(r"^[\w* ]+ \**tritforge_(\w+)\(", HEADER.read_text(), re.MULTILINE)
    others = [
        f'int tritforge_{name}_() __asm__("tritforge_{name}"); int tritforge_{name}_() '
        "{ return 4; }"
        for name in names
        if name not in ("abi_version", "description", "open")
    ]
    assert len(others) == 17
    return STAND_IN.format(
        header=HEADER,
        version=version,
        description=json.dumps(description),
        others="\n".join(others),
    )


def description(**change: object) -> str:
    interface = machine_interface(accelerator(64)).to_mapping()
    document = {"interface": interface, "simulation": "csim", "counters": [], "fifos": []}
    return json.dumps({**document, **change})


def library(folder: Path, text: str) -> Path:
    (folder / "library.c").write_text(text)
    path = folder / "library.so"
    command = [tool("gcc"), "-shared", "-fPIC", folder / "library.c", "-o", path]
    subprocess.run(command, check=True)
    return path


@pytest.mark.csim
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int x;", "not a compiled machine .*tritforge_abi_version"),
        (stand_in(version=1), "interface version 1, this driver reads 2"),
        (stand_in(description="{"), "its description is no JSON"),
        (stand_in(description="[]"), "its description is no object"),
        (stand_in(), "description: missing .*'interface'"),
        (stand_in(description=description(more=1)), "unknown .'more'"),
        (stand_in(description=description(simulation="dream")), "simulation 'dream' is unknown"),
        (stand_in(description=description(fifos=[1])), "fifos of the description"),
        (stand_in(description=description(interface={"format": 1})), "machine: missing"),
        (stand_in(description=description()), "gives no machine"),
    ],
)
def test_libraries_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TritforgeError, match=message):
        CompiledMachine(library(tmp_path, text))


def test_files_that_are_no_libraries(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library")
    for name in ("text.so", "missing.so"):
        with pytest.raises(TritforgeError, match="not a compiled machine"):
            CompiledMachine(tmp_path / name)
