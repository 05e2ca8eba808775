# SPDX-License-Identifier: Apache-2.0
"""Errors of the open flow: what to install, what C++ does not compile, which rule a line breaks."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass

from codegen.openhls.rules import Rule
from tritforge.errors import TritforgeError


@dataclass(frozen=True)
class SourceLocation:
    """A line of C++; `file` as the compiler was given it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class ToolError(TritforgeError):
    """A tool of the flow is missing, has the wrong version or failed. The message says the fix."""


class TimeLimitError(ToolError):
    """A tool did not end within its time."""


class CompileError(TritforgeError):
    """The C++ does not compile; the message holds the compiler's lines."""


def check_space(what: str, printed: str) -> None:
    """Tell a full disk from a mistake in the source.

    Args:
        what: the tool and its work.
        printed: what it printed before it failed.

    Raises:
        ToolError: the tool says that the disk is full.
    """
    if os.strerror(errno.ENOSPC) in printed:
        folder = tempfile.gettempdir()
        raise ToolError(
            f"{what}: {os.strerror(errno.ENOSPC)} (temporary files lie in {folder}: TMPDIR names "
            "another folder)"
        )


class InterfaceError(TritforgeError):
    """A manifest does not agree with the C++, or is not a manifest."""


class StyleError(TritforgeError):
    """A line of C++ is outside the style of the open flow (docs/open-flow.md).

    Attributes:
        rule: the rule it breaks.
        location: the line, if the compiler knew it.
    """

    def __init__(
        self,
        rule: Rule,
        detail: str,
        location: SourceLocation | None = None,
        callers: tuple[SourceLocation, ...] = (),
    ) -> None:
        self.rule = rule
        self.location = location
        place = f"{location}: " if location else ""
        called = "".join(f"\n  called from {caller}" for caller in callers)
        super().__init__(f"{place}{detail} [{rule.name}]\n  rule: {rule.text}{called}")
