# SPDX-License-Identifier: Apache-2.0
"""Wheel and engine on the processor of a PYNQ-Z2, emulated, with Debian's Python: golden tokens."""

from __future__ import annotations

import pytest

from testing.armhf import INSTALL, ArmUserland, UserlandError, missing_programs
from testing.repository import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def userland() -> ArmUserland:
    missing = missing_programs()
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: {INSTALL}")
    try:
        found = ArmUserland(ROOT / "build" / "armhf")
    except UserlandError as error:
        if "Failed to fetch" in str(error) or "Temporary failure" in str(error):
            pytest.skip(f"Debian's archive for armhf cannot be reached: {error}")
        raise
    found.install()
    return found


def test_it_is_the_processor_of_the_board(userland: ArmUserland) -> None:
    script = "import platform, numpy; from pynq_driver import _engine;"
    script += "print(platform.machine(), *platform.architecture()[:1], *_engine.kernels())"
    result = userland.python("-c", script)
    assert result.stdout.split() == ["armv7l", "32bit", "portable", "neon"], result.stderr


@pytest.mark.parametrize(("backend", "tokens"), [("cpu", 32), ("golden", 4)])
def test_recorded_tokens(userland: ArmUserland, backend: str, tokens: int) -> None:
    arguments = ["selftest", "--backends", backend, "--tokens", str(tokens)]
    result = userland.python("-m", "tritforge", *arguments)
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
