# SPDX-License-Identifier: Apache-2.0
"""The ctypes mirror of the C interface says what the header says."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from pynq_driver.devices import abi
from pynq_driver.devices.compiled import CompiledMachine
from testing.repository import ROOT
from tests.proof.csim.simulation import tool
from tritforge.errors import TritforgeError

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
        "TRITFORGE_MAXIMUM_PORTS": abi.MAXIMUM_PORTS,
        "TRITFORGE_STREAMS": abi.STREAMS,
        "TRITFORGE_LAST_AT_END": abi.LAST_AT_END,
        "TRITFORGE_LAST_NEVER": abi.LAST_NEVER,
        "TRITFORGE_ALL_WORDS": abi.ALL_WORDS,
    }
    expected |= {f"TRITFORGE_{item.name}": item for item in (*abi.Stream, *abi.Status)}
    for name, kind in abi.STRUCTS.items():
        expected[f"sizeof(struct {name})"] = ctypes.sizeof(kind)
        for field, _ in kind._fields_:
            expected[f"offsetof(struct {name}, {field})"] = getattr(kind, field).offset
    assert len(abi.STREAM_NAMES) == abi.STREAMS
    found = compiled_numbers(tmp_path, list(expected))
    assert dict(zip(expected, found)) == expected


STAND_IN = """
#include "{header}"
uint64_t tritforge_abi_version(void) {{ return {version}; }}
const char* tritforge_fingerprint(void) {{ return "0123456789abcdef"; }}
const char* tritforge_kind(void) {{ return "csim"; }}
tritforge_instance* tritforge_open(void) {{ return (tritforge_instance*){machine}; }}
void tritforge_close(tritforge_instance* machine) {{}}
int tritforge_run(tritforge_instance* machine, struct tritforge_run* run) {{ return 0; }}
int tritforge_reset(tritforge_instance* machine) {{ return 0; }}
const char* tritforge_message(const tritforge_instance* machine) {{ return ""; }}
int tritforge_set_memory(tritforge_instance* machine, const struct tritforge_memory* memory)
{{ return 4; }}
int tritforge_get_memory(const tritforge_instance* machine, struct tritforge_memory* memory)
{{ return 4; }}
int tritforge_trace(tritforge_instance* machine, const char* path) {{ return 4; }}
int tritforge_fifo(const tritforge_instance* machine, uint64_t index, const char** name,
                   struct tritforge_fifo_counters* counters) {{ return 4; }}
"""


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
        (STAND_IN.format(header=HEADER, version=99, machine=1), "interface version 99"),
        (STAND_IN.format(header=HEADER, version=abi.VERSION, machine=0), "gives no machine"),
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
