# SPDX-License-Identifier: Apache-2.0
"""Bounded proofs of the stream modules, and proof that each of them notices a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.faults import rtl_library
from testing.faults.rtl_library import RtlFault
from testing.rtl_modules import with_fault
from tests.proof.formal.formal import holds

pytestmark = pytest.mark.cosim

#: Cycles: longer than the longest way through a module's states several times over.
DEPTH = 14

#: Module, parameters of its properties.
CASES = [
    ("skid_buffer", {}),
    ("width_adapter", {"IN_WIDTH": 1, "OUT_WIDTH": 3}),
    ("width_adapter", {"IN_WIDTH": 2, "OUT_WIDTH": 4}),
    ("width_adapter", {"IN_WIDTH": 3, "OUT_WIDTH": 1}),
    pytest.param("width_adapter", {"IN_WIDTH": 4, "OUT_WIDTH": 2}, marks=pytest.mark.slow),
    ("width_adapter", {"IN_WIDTH": 2, "OUT_WIDTH": 2}),
    ("packet_guard", {}),
    ("axi_lite_registers", {}),
    ("fifo", {"DEPTH": 1}),
    ("fifo", {"DEPTH": 2}),
    ("fifo", {"DEPTH": 3}),
    ("ram", {}),
    ("ram", {"OUTPUT_REGISTER": 1}),
]

FAULTS = [item for item in rtl_library.FAULTS if item.proof is not None]


def _name(value: object) -> str | None:
    return "_".join(map(str, value.values())) or "-" if isinstance(value, dict) else None


@pytest.mark.parametrize(("module", "parameters"), CASES, ids=_name)
def test_properties_hold_for_every_input_sequence(
    tmp_path: Path, module: str, parameters: dict[str, int]
) -> None:
    assert holds(tmp_path, module, DEPTH, parameters)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.module}_{fault.name}")
def test_proof_fails_on_a_faulty_module(tmp_path: Path, fault: RtlFault) -> None:
    assert not holds(tmp_path, fault.module, DEPTH, fault.proof, with_fault(fault))
