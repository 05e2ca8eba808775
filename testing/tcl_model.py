# SPDX-License-Identifier: Apache-2.0
"""Runs Tcl in which a tool's commands are methods of a model, which refuses what the tool would."""

from __future__ import annotations

import re
import tkinter
from collections.abc import Callable, Mapping
from typing import ClassVar


class ToolModelError(Exception):
    """What the tool would refuse, as far as its model knows it."""


#: Command -> options with a value, flags, and the least number of other arguments.
Commands = Mapping[str, tuple[set[str], set[str], int]]


class TclModel:
    """One run of a script. A command `a::b` is the method `_a_b`; one without does nothing.

    Attributes:
        commands: commands in the order of their calls.
    """

    #: What the tool knows.
    known: ClassVar[Commands] = {}

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run_script(self, script: str, variables: Mapping[str, str]) -> None:
        """Execute a script.

        Raises:
            ToolModelError: a command is unknown or refused, or Tcl itself fails.
        """
        tcl = tkinter.Tcl()
        failures: list[ToolModelError] = []
        for name in self.known:
            tcl.createcommand(name, self._guarded(name, failures))
        tcl.createcommand("glob", lambda *arguments: arguments[-1])
        tcl.createcommand("file", lambda *arguments: "")
        for name, value in variables.items():
            tcl.setvar(name, value)
        try:
            tcl.eval(script)
        except tkinter.TclError as error:
            raise failures[0] if failures else ToolModelError(str(error)) from None

    def _guarded(self, name: str, failures: list[ToolModelError]) -> Callable[..., str]:
        def call(*arguments: object) -> str:
            try:
                return self._call(name, [str(item) for item in arguments])
            except ToolModelError as error:
                failures.append(error)
                raise

        return call

    def _call(self, name: str, arguments: list[str]) -> str:
        self.commands.append(name)
        valued, flags, least = self.known[name]
        options: dict[str, str] = {}
        others: list[str] = []
        rest = iter(arguments)
        for item in rest:
            if item in valued:
                options[item] = next(rest, "")
            elif item in flags:
                options[item] = ""
            elif item.startswith("-") and not re.match(r"-[0-9]", item):
                raise ToolModelError(f"{name}: unknown option {item}")
            else:
                others.append(item)
        if len(others) < least - ("-dict" in options):
            raise ToolModelError(f"{name}: {len(others)} arguments, at least {least} needed")
        method = getattr(self, "_" + name.replace("::", "_"), None)
        return str(method(options, others)) if method else name
