# SPDX-License-Identifier: Apache-2.0
"""The language model's machine from outside, against what its parts stand for."""

from __future__ import annotations

import pytest

from tritforge.error_code import ErrorCode
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge.language_model.interface import (
    ARRAY,
    input_stream_names,
    machine_interface,
)
from tritforge.machine_interface import IDENTIFICATION
from tritforge.register_map import Access

CONFIGS = [accelerator(dim=64, ports=ports, lanes=ports) for ports in (1, 2, 4)]


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
    assert list(input_stream_names(config)) == inputs
    assert names == {f"{s}_{kind}" for s in inputs for kind in ("early", "late")}
    for stream in (*inputs, "output"):
        (field,) = registers.register(f"stall_{stream}").fields
        assert field.access is Access.COUNTER
    for name in ARRAY.counters:
        assert registers.register(name).fields[0].access is Access.COUNTER


def test_error_codes_fit_their_field_and_are_named_in_it() -> None:
    status = machine_interface(CONFIGS[0]).registers.register("status")
    fields = {item.name: item for item in status.fields}
    assert max(ErrorCode) < 1 << fields["error_code"].bits
    assert all(code.name.lower() in fields["error_code"].meaning for code in ErrorCode)
    assert [code.name.lower() for code in sorted(ErrorCode)] == list(
        machine_interface(CONFIGS[0]).errors
    )
