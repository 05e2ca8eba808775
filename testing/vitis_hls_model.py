# SPDX-License-Identifier: Apache-2.0
"""Runs the scripts for Vitis HLS against a model of the tool, which refuses what the tool would.

It knows the options of the commands of `vitis_hls` and the keys of a configuration of `v++` that
the scripts use (UG1399), and checks what is synthesised: part, clock, reset, top function, sources
and the headers that they reach. It synthesises nothing: the model knows what was written into it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from testing.tcl_model import Commands, TclModel, ToolModelError
from tritforge.boards import Board

#: Headers that the tool has itself, as far as machines use them.
_TOOLS_HEADERS = {"ap_axi_sdata.h", "ap_int.h", "ap_utils.h", "hls_stream.h", "hls_task.h"}
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
_CALLED_IN_TASKS = re.compile(r"hls::task \w+\((\w+),")
_STANDARDS = ("c++17", "c++20")


@dataclass
class Synthesis:
    """What a script asks for.

    Attributes:
        sources: file, relative to the project -> flags of its compiler.
        reset: what is reset, and at which level.
    """

    top: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    flow: str = ""
    part: str = ""
    period_ns: float = 0.0
    reset: tuple[str, str] = ("control", "high")

    def check(self, project: Path, board: Board) -> None:
        """Check it as far as that is possible without the tool.

        Args:
            project: folder in which the tool runs.
            board: that the machine is for.

        Raises:
            ToolModelError: names what is wrong.
        """
        if self.flow != "vivado":
            raise ToolModelError(f"flow target {self.flow!r} makes no RTL for Vivado")
        if self.part != board.part:
            raise ToolModelError(f"part {self.part!r} is not {board.part} of {board.title}")
        if abs(self.period_ns - 1000 / board.clock_mhz) > 0.01:
            raise ToolModelError(
                f"a period of {self.period_ns} ns is not {board.clock_mhz} MHz of {board.title}"
            )
        if self.reset[0] not in ("control", "state", "all") or self.reset[1] != "low":
            raise ToolModelError(f"reset {self.reset}: the core around it resets all state, low")
        texts = {name: _text(project / name) for name in self.sources}
        for name, flags in self.sources.items():
            _check_flags(project, name, texts[name], flags)
        body = "\n".join(texts.values())
        for function in (self.top, *_CALLED_IN_TASKS.findall(body)):
            if not re.search(rf"^void {function}\(", body, re.MULTILINE):
                raise ToolModelError(f"no source defines function {function!r}")


class VitisHlsModel(TclModel):
    """One run of `vitis_hls -f` in the folder of a project.

    Attributes:
        synthesis: what was asked for.
        has_rtl: synthesis took place.
    """

    known: ClassVar[Commands] = {
        "open_project": (set(), {"-reset"}, 1),
        "set_top": (set(), set(), 1),
        "add_files": ({"-cflags", "-csimflags"}, {"-tb", "-blackbox"}, 1),
        "open_solution": ({"-flow_target"}, {"-reset"}, 1),
        "set_part": (set(), set(), 1),
        "create_clock": ({"-period", "-name"}, set(), 0),
        "config_rtl": (
            {"-reset", "-reset_level", "-module_prefix", "-fsm_encoding"},
            {"-reset_async"},
            0,
        ),
        "csynth_design": (set(), {"-dump_cfg", "-dump_post_cfg", "-synthesis_check"}, 0),
        "close_project": (set(), set(), 0),
        "exit": (set(), set(), 0),
    }

    def __init__(self, project: Path, board: Board) -> None:
        super().__init__()
        self.synthesis = Synthesis()
        self.has_rtl = False
        self._project, self._board = project, board
        self._has_project = self._has_solution = False

    def run(self, script: str) -> None:
        """Execute a script.

        Raises:
            ToolModelError: a command is unknown or refused, or there is no RTL at the end.
        """
        self.run_script(script, {})
        if not self.has_rtl:
            raise ToolModelError("the script ends without csynth_design: there is no RTL")

    def _open_project(self, options: dict[str, str], names: list[str]) -> str:
        self._has_project = True
        return ""

    def _set_top(self, options: dict[str, str], names: list[str]) -> str:
        self._need("set_top", self._has_project, "open_project")
        self.synthesis.top = names[0]
        return ""

    def _add_files(self, options: dict[str, str], names: list[str]) -> str:
        self._need("add_files", self._has_project, "open_project")
        if "-tb" not in options:
            self.synthesis.sources[names[0]] = options.get("-cflags", "")
        return ""

    def _open_solution(self, options: dict[str, str], names: list[str]) -> str:
        self._need("open_solution", self._has_project, "open_project")
        self._has_solution = True
        self.synthesis.flow = options.get("-flow_target", "vivado")
        return ""

    def _set_part(self, options: dict[str, str], names: list[str]) -> str:
        self._need("set_part", self._has_solution, "open_solution")
        self.synthesis.part = names[0]
        return ""

    def _create_clock(self, options: dict[str, str], names: list[str]) -> str:
        self._need("create_clock", self._has_solution, "open_solution")
        self.synthesis.period_ns = _period(options.get("-period", "10"))
        return ""

    def _config_rtl(self, options: dict[str, str], names: list[str]) -> str:
        self._need("config_rtl", self._has_solution, "open_solution")
        what, level = self.synthesis.reset
        self.synthesis.reset = (options.get("-reset", what), options.get("-reset_level", level))
        return ""

    def _csynth_design(self, options: dict[str, str], names: list[str]) -> str:
        self._need("csynth_design", self._has_solution, "open_solution")
        self.synthesis.check(self._project, self._board)
        self.has_rtl = "-synthesis_check" not in options
        return ""

    def _need(self, command: str, is_there: bool, before: str) -> None:
        if not is_there:
            raise ToolModelError(f"{command}: {before} has to come before it")


def run_compiler(text: str, project: Path, board: Board) -> Synthesis:
    """What `v++ -c --mode hls --config` makes of a configuration in the folder of a project.

    Raises:
        ToolModelError: a key is unknown or in the wrong section, or the synthesis is refused.
    """
    general = {"part"}
    keys = {"flow_target", "clock", "package.output.syn", "package.output.format"}
    keys |= {f"syn.{name}" for name in ("top", "file", "cflags", "rtl.reset", "rtl.reset_level")}
    values: dict[str, list[str]] = {}
    section = ""
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line
            continue
        key, _, value = line.partition("=")
        if key not in {"": general, "[hls]": keys}.get(section, set()):
            raise ToolModelError(f"unknown key {key} in section {section or 'general'}")
        values.setdefault(key, []).append(value)
    only = {key: items[-1] for key, items in values.items()}
    flags = " ".join(values.get("syn.cflags", []))
    synthesis = Synthesis(
        only.get("syn.top", ""),
        dict.fromkeys(values.get("syn.file", []), flags),
        only.get("flow_target", "vivado"),
        only.get("part", ""),
        _period(only.get("clock", "10")),
        (only.get("syn.rtl.reset", "control"), only.get("syn.rtl.reset_level", "high")),
    )
    synthesis.check(project, board)
    return synthesis


def _period(text: str) -> float:
    """Nanoseconds of a clock: without a unit they are nanoseconds."""
    found = re.fullmatch(r"([0-9.]+)(ns|MHz)?", text)
    if not found:
        raise ToolModelError(f"no clock: {text!r}")
    number = float(found[1])
    return 1000 / number if found[2] == "MHz" else number


def _text(path: Path) -> str:
    if not path.is_file():
        raise ToolModelError(f"no source {path.name}")
    return path.read_text(encoding="utf-8")


def _check_flags(project: Path, name: str, text: str, flags: str) -> None:
    """Every header is found, and those of the tool are its own."""
    words = shlex.split(flags)
    standard = [word.removeprefix("-std=") for word in words if word.startswith("-std=")]
    if standard[-1:] not in ([item] for item in _STANDARDS):
        raise ToolModelError(f"{name}: the sources need -std={_STANDARDS[0]}")
    folders = [project / word.removeprefix("-I") for word in words if word.startswith("-I")]
    pending, known = [(project / name, text)], {name}
    while pending:
        path, content = pending.pop()
        for header in _INCLUDE.findall(content):
            found = [folder / header for folder in (path.parent, *folders)]
            there = next((item for item in found if item.is_file()), None)
            if header in _TOOLS_HEADERS:
                if there:
                    raise ToolModelError(f"{name}: {there.parent.name}/ hides {header} of the tool")
            elif there is None:
                raise ToolModelError(f"{name}: no header {header} in {flags}")
            elif header not in known:
                known.add(header)
                pending.append((there, _text(there)))
