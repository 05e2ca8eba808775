# SPDX-License-Identifier: Apache-2.0
"""The registers of the language model's accelerator against what they stand for."""

from __future__ import annotations

import ast

import pytest

from testing.repository import ROOT
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.control_registers import (
    IDENTIFICATION,
    SATURATION_SIGNALS,
    ErrorCode,
    control_registers,
    input_stream_names,
    stream_names,
)
from tritforge.register_map import Access

CONFIGS = [AcceleratorConfig(dim=64, ports=ports, lanes=ports) for ports in (1, 2, 4)]


@pytest.mark.parametrize("config", CONFIGS)
def test_configuration_hash_is_the_fingerprint(config: AcceleratorConfig) -> None:
    registers = control_registers(config)
    low, high = (registers.register(f"configuration_{half}").reset for half in ("low", "high"))
    assert f"{high << 32 | low:016x}" == config.fingerprint()
    assert registers.register("identification").reset == IDENTIFICATION
    assert registers.register("dim").reset == config.dim


@pytest.mark.parametrize("config", CONFIGS)
def test_every_stream_has_a_stall_counter_and_inputs_have_two_error_flags(
    config: AcceleratorConfig,
) -> None:
    registers = control_registers(config)
    names = {item.name for item in registers.register("stream_errors").fields}
    assert len(stream_names(config)) == config.ports + 3
    inputs = input_stream_names(config)
    assert inputs == stream_names(config)[:-1]
    assert names == {f"{s}_{kind}" for s in inputs for kind in ("early", "late")}
    for stream in stream_names(config):
        (field,) = registers.register(f"stall_{stream}").fields
        assert field.access is Access.COUNTER


def signals_of_golden_model() -> set[str]:
    """The names under which calls count saturations."""
    names = set()
    for path in (ROOT / "tritforge" / "language_model" / "golden").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("saturate", "silu", "dequantise"):
                constants = [item for item in node.args if isinstance(item, ast.Constant)]
                names |= {item.value for item in constants if isinstance(item.value, str)}
    return names


def test_saturation_flags_are_the_golden_models_signals() -> None:
    # Two signals share a call that makes up their names.
    known = signals_of_golden_model()
    assert known | {"preactivation_forget", "preactivation_candidate"} == set(SATURATION_SIGNALS)


def test_error_codes_fit_their_field_and_are_named_in_it() -> None:
    fields = {item.name: item for item in control_registers(CONFIGS[0]).register("status").fields}
    assert max(ErrorCode) < 1 << fields["error_code"].bits
    assert all(code.name.lower() in fields["error_code"].meaning for code in ErrorCode)
