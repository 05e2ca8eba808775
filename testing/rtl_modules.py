# SPDX-License-Identifier: Apache-2.0
"""The hand-written SystemVerilog modules: where they are, what they instantiate, their lint."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from testing.faults.fault import Fault
from testing.repository import ROOT
from testing.tools import check_tools, verilator_root

RTL_FOLDER = ROOT / "hls" / "rtl"
MODULES = tuple(sorted(path.stem for path in RTL_FOLDER.glob("tritforge_*.sv")))


def sources_of(module: str) -> dict[str, str]:
    """File name -> text of tritforge_<module> and of everything it instantiates."""
    result: dict[str, str] = {}
    wanted = [f"tritforge_{module}"]
    while wanted:
        name = wanted.pop()
        if f"{name}.sv" in result:
            continue
        text = (RTL_FOLDER / f"{name}.sv").read_text(encoding="utf-8")
        result[f"{name}.sv"] = text
        wanted += re.findall(r"^\s*(tritforge_\w+) #\(", text, re.MULTILINE)
    return result


def with_fault(fault: Fault) -> dict[str, str]:
    """The file that the fault is in, with the fault, for a test that must notice it."""
    return {fault.file_name: fault.put_into((ROOT / fault.path).read_text(encoding="utf-8"))}


def lint(module: str, parameters: str, folder: Path = RTL_FOLDER) -> str:
    """What Verilator says of a module with all warnings on; nothing if it is clean.

    Args:
        module: top module; its file is `<module>.sv` in `folder`.
        parameters: options of Verilator that set parameters, as `-GWIDTH=1`.

    Raises:
        AssertionError: the tool is missing, or ended with an error without a message.
    """
    check_tools("verilator")
    root = verilator_root()
    command = [str(root / "bin" / "verilator_bin"), "--lint-only", "-Wall", "-y", str(RTL_FOLDER)]
    result = subprocess.run(
        [*command, *parameters.split(), "--top-module", module, str(folder / f"{module}.sv")],
        capture_output=True,
        text=True,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
        timeout=60,
        check=False,
    )
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return result.stderr
