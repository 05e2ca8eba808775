# SPDX-License-Identifier: Apache-2.0
"""The AMX kernel on an emulation of the tile instructions, for processors that lack them.

Its other half, the decoder, is plain AVX-512 and runs as it is. What a processor would answer with
a fault ends the program (engine/test/emulated_tiles.hpp).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.csim.simulation import run, tool
from tests.engine.extension import KERNELS

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "amx_int8"


@pytest.mark.skipif(
    "avx512_vnni" not in KERNELS, reason="this processor lacks AVX-512 with VNNI and VBMI"
)
def test_kernel_equals_plain_arithmetic(tmp_path: Path) -> None:
    cmake = tool("cmake")
    options = ("-DTRITFORGE_EMULATED_TILES=ON", f"-DPython_EXECUTABLE={sys.executable}")
    for command in (
        [cmake, "-G", "Ninja", "-S", ROOT, "-B", tmp_path, *options],
        [cmake, "--build", tmp_path, "--target", "kernel_selftest", "--parallel", "2"],
    ):
        result = run(command, tmp_path)
        assert result.returncode == 0, result.stdout + result.stderr
    result = run([tmp_path / "engine" / "kernel_selftest", "400"], tmp_path)
    print(result.stdout, result.stderr)
    assert result.returncode == 0, result.stdout + result.stderr
    names = [line.split(":")[0] for line in result.stdout.splitlines()]
    assert names == [*(name for name in KERNELS if name != KERNEL), KERNEL]
