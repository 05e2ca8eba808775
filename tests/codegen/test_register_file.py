# SPDX-License-Identifier: Apache-2.0
"""Everything that is generated from a register map."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from codegen.register_file import render_register_file
from testing.rtl_modules import lint
from testing.tools import check_programs
from tests.proof.rtl.benches.register_map import MAP
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface
from tritforge.register_map import Access, Field, Register, RegisterMap

CONFIGS = [accelerator(dim=64, ports=ports, lanes=ports) for ports in (1, 2, 4)]
MAPS = [machine_interface(config).registers for config in CONFIGS]


@pytest.mark.parametrize("registers", [MAP, *MAPS])
def test_json_round_trip(registers: RegisterMap) -> None:
    text = render_register_file(registers)[f"{registers.name}.json"]
    assert RegisterMap.from_mapping(json.loads(text)) == registers


def test_port_names_that_collide_are_refused() -> None:
    fields = (
        Field("x", 0, 1, Access.WRITE_ONE_TO_CLEAR, "X."),
        Field("x_set", 1, 1, Access.READ_ONLY, "Y."),
    )
    with pytest.raises(ConfigurationError, match="need a signal one_x_set"):
        render_register_file(RegisterMap("m", (Register("one", 0, "A register.", fields),)))


@pytest.mark.cosim
@pytest.mark.parametrize("registers", [MAP, *MAPS])
def test_generated_hardware_is_clean(tmp_path: Path, registers: RegisterMap) -> None:
    text = render_register_file(registers)[f"{registers.name}.sv"]
    (tmp_path / f"{registers.name}.sv").write_text(text, encoding="utf-8")
    assert lint(registers.name, "", tmp_path) == ""


@pytest.mark.parametrize("compiler", [("g++", "c++"), ("g++", "c")], ids=["C++", "C"])
def test_c_header_has_the_numbers_of_the_map(tmp_path: Path, compiler: tuple[str, str]) -> None:
    check_programs(compiler[0])
    header = render_register_file(MAP)[f"{MAP.name}.h"]
    checks = [f'#include "{MAP.name}.h"']
    for item, field in MAP.fields():
        name = f"{MAP.name}_{item.name}".upper()
        for macro, value in (
            (f"{name}_OFFSET", item.offset),
            (f"{name}_{field.name.upper()}_SHIFT", field.low),
            (f"{name}_{field.name.upper()}_MASK", field.mask),
        ):
            checks.append(f"#if {macro} != {value}u\n#error {macro}\n#endif")
    (tmp_path / f"{MAP.name}.h").write_text(header, encoding="utf-8")
    (tmp_path / "check.c").write_text("\n".join(checks) + "\nint main(void) { return 0; }\n")
    command = [compiler[0], "-x", compiler[1], "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    subprocess.run([*command, "check.c"], cwd=tmp_path, check=True, env=dict(os.environ))


def test_markdown_lists_every_field() -> None:
    lines = render_register_file(MAP)[f"{MAP.name}.md"].splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ")][2:]
    assert len(rows) == len(list(MAP.fields()))
    for row, (item, field) in zip(rows, MAP.fields()):
        assert row[3:5] == [field.name, field.access.value]
        assert field.meaning in row[6] and item.name in (row[1], item.name)
