# SPDX-License-Identifier: Apache-2.0
"""Seeded faults fit the sources, and the tests that must catch them exist.

Many of them are tried by slow tests and benchmarks only; here none can silently rot.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from testing.faults import (
    engine,
    ivit_machine,
    ivit_units,
    language_model_units,
    machine,
    open_flow,
    rtl_library,
)
from testing.faults.fault import BrokenFaultError, Fault, UnitFault, fault_of
from testing.repository import ROOT

CAUGHT = (*engine.FAULTS, *machine.FAULTS, *open_flow.FAULTS)
UNIT_FAULTS = (*language_model_units.FAULTS, *ivit_units.FAULTS, *ivit_machine.FAULTS)
EVERY_FAULT: tuple[Fault, ...] = (
    *UNIT_FAULTS,
    *rtl_library.FAULTS,
    rtl_library.READY_WAITS_FOR_VALID,
    rtl_library.REGISTER_IS_TOO_WIDE,
    *(item.fault for item in CAUGHT),
)
#: The machine's list and the open flow's name faults of the other lists again.
FAULTS = list({id(item): item for item in EVERY_FAULT}.values())


def name_of(fault: Fault) -> str:
    return f"{fault.file_name}-{fault.name}"


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_fault_changes_exactly_one_place(fault: Fault) -> None:
    text = (ROOT / fault.path).read_text(encoding="utf-8")
    assert fault.put_into(text) != text


def test_no_fault_is_written_twice() -> None:
    assert len({item.name for item in FAULTS}) == len(FAULTS)
    assert len({(item.path, item.before, item.after) for item in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", UNIT_FAULTS, ids=lambda fault: fault.name)
def test_unit_has_a_bench(fault: UnitFault) -> None:
    assert len(list((ROOT / "hls" / "tb").rglob(f"{fault.unit}_tb.cpp"))) == 1


def test_tests_that_must_catch_them_exist() -> None:
    tests = sorted({item.test for item in CAUGHT})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", *tests]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert {line for line in result.stdout.splitlines() if "::" in line} == set(tests)


def test_text_that_is_missing_or_ambiguous_is_refused() -> None:
    fault = Fault("wrong_sign", "a.cpp", "a + b", "a - b")
    assert fault.put_into("c = a + b;") == "c = a - b;"
    for text in ("c = a * b;", "c = a + b; d = a + b;"):
        with pytest.raises(BrokenFaultError, match=r"'a \+ b' stands [02] times in a\.cpp"):
            fault.put_into(text)


def test_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_fault"):
        fault_of(UNIT_FAULTS, "no_such_fault")
