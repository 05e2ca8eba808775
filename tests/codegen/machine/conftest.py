# SPDX-License-Identifier: Apache-2.0
"""The toy machine behind the driver, in C-simulation and in Verilated RTL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pynq_driver.devices.compiled import CompiledMachine
from tests.codegen.machine.behind_driver import KINDS, build
from tests.codegen.machine.toy_machine import toy_source


@pytest.fixture(scope="module", params=KINDS)
def library(request: pytest.FixtureRequest) -> Path:
    return build(request.param, toy_source())


@pytest.fixture
def machine(library: Path) -> Iterator[CompiledMachine]:
    machine = CompiledMachine(library)
    yield machine
    machine.close()
