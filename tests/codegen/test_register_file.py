# SPDX-License-Identifier: Apache-2.0
"""The register map model, the accelerator's map, and everything generated from a map."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codegen.register_file import render_register_file
from tests.proof.rtl.benches.register_map import MAP
from tests.proof.rtl.sources import check_programs
from tests.proof.rtl.test_lint import lint
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge.language_model.interface import ErrorCode, machine_interface
from tritforge.machine_interface import IDENTIFICATION
from tritforge.register_map import Access, Field, Register, RegisterMap

CONFIGS = [accelerator(dim=64, ports=ports, lanes=ports) for ports in (1, 2, 4)]
MAPS = [machine_interface(config).registers for config in CONFIGS]
VALUE = Field("value", 0, 8, Access.READ_WRITE, "A value.")


def register(*fields: Field, name: str = "one", offset: int = 0) -> Register:
    return Register(name, offset, "A register.", fields)


@pytest.mark.parametrize("config", CONFIGS)
def test_configuration_hash_is_the_fingerprint(config: AcceleratorConfig) -> None:
    registers = machine_interface(config).registers
    low, high = (registers.register(f"configuration_{half}").reset for half in ("low", "high"))
    assert f"{high << 32 | low:016x}" == config.fingerprint()
    assert registers.register("identification").reset == IDENTIFICATION
    assert registers.register("dim").reset == config.dim


@pytest.mark.parametrize("config", CONFIGS)
def test_every_stream_has_a_stall_counter_and_inputs_have_two_error_flags(
    config: AcceleratorConfig,
) -> None:
    interface = machine_interface(config)
    registers = interface.registers
    names = {item.name for item in registers.register("stream_errors").fields}
    inputs = [*(f"weights_{port}" for port in range(config.ports)), "parameters", "input"]
    assert [item.name for item in interface.streams] == [*inputs, "output"]
    assert names == {f"{s}_{kind}" for s in inputs for kind in ("early", "late")}
    for stream in (*inputs, "output"):
        (field,) = registers.register(f"stall_{stream}").fields
        assert field.access is Access.COUNTER


def test_error_codes_fit_their_field_and_are_named_in_it() -> None:
    fields = {item.name: item for item in MAPS[0].register("status").fields}
    assert max(ErrorCode) < 1 << fields["error_code"].bits
    assert all(code.name.lower() in fields["error_code"].meaning for code in ErrorCode)


@pytest.mark.parametrize("registers", [MAP, *MAPS])
def test_json_round_trip(registers: RegisterMap) -> None:
    text = render_register_file(registers)[f"{registers.name}.json"]
    assert RegisterMap.from_mapping(json.loads(text)) == registers


WRONG = [
    (lambda: register(VALUE, offset=2), "multiple of 4"),
    (lambda: register(VALUE, offset=4096), "out of range"),
    (lambda: register(), "has no fields"),
    (lambda: register(VALUE, Field("b", 7, 1, Access.READ_ONLY, "B.")), "starts at bit 7"),
    (lambda: register(VALUE, Field("value", 8, 1, Access.READ_ONLY, "B.")), "used twice"),
    (lambda: Field("wide", 30, 3, Access.READ_ONLY, "W."), "bits = 3 is out of range"),
    (lambda: Field("big", 0, 4, Access.READ_WRITE, "B.", 16), "reset = 16 is out of range"),
    (lambda: Field("set", 0, 4, Access.READ_ONLY, "B.", 1), "no meaning with access ro"),
    (lambda: Field("Bad name", 0, 1, Access.READ_ONLY, "B."), "use lower-case words"),
    (lambda: Field("text", 0, 1, Access.READ_ONLY, "a */ b"), "must not hold"),
    (lambda: Field("text", 0, 1, Access.READ_ONLY, "a\nb"), "one line of text"),
    (lambda: RegisterMap("m", (register(VALUE), register(VALUE, name="two"))), "does not follow"),
    (lambda: RegisterMap("m", (register(VALUE), register(VALUE, offset=4))), "used twice"),
    (lambda: RegisterMap("m", ()), "has no registers"),
    (
        lambda: RegisterMap("m", (register(Field("n", 0, 8, Access.COUNTER, "N.")),)),
        "exactly if the map has counters",
    ),
    (
        lambda: RegisterMap("m", (register(Field("n", 0, 8, Access.COUNTER, "N.")),), "one.n"),
        "not a one-bit pulse",
    ),
    (
        lambda: RegisterMap(
            "m",
            (
                Register("a", 0, "A.", (Field("b_c", 0, 1, Access.READ_ONLY, "X."),)),
                Register("a_b", 4, "B.", (Field("c", 0, 1, Access.READ_ONLY, "Y."),)),
            ),
        ),
        "a_b_c is used twice",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_maps_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        make()


def _change(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


HOSTILE = [
    (("format",), 2),
    (("name",), 5),
    (("name",), "a;b"),
    (("registers",), {}),
    (("registers", 0), None),
    (("registers", 0, "offset"), "0"),
    (("registers", 0, "offset"), True),
    (("registers", 0, "fields", 0, "access"), "rwx"),
    (("registers", 0, "fields", 0, "access"), ["rw"]),
    (("registers", 0, "fields", 0, "reset"), 1 << 40),
    (("registers", 0, "extra"), 1),
    (("counter_clear",), None),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=str)
def test_hostile_json_is_refused(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(ConfigurationError):
        RegisterMap.from_mapping(_change(MAP.to_mapping(), path, value))
    assert RegisterMap.from_mapping(MAP.to_mapping()) == MAP


def test_port_names_that_collide_are_refused() -> None:
    fields = (
        Field("x", 0, 1, Access.WRITE_ONE_TO_CLEAR, "X."),
        Field("x_set", 1, 1, Access.READ_ONLY, "Y."),
    )
    with pytest.raises(ConfigurationError, match="need a signal one_x_set"):
        render_register_file(RegisterMap("m", (register(*fields),)))


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
