# SPDX-License-Identifier: Apache-2.0
"""Running the tools: what a full disk, or one that allows no programs, looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.errors import CompileError, ToolError
from codegen.openhls.system import run


def script(folder: Path, text: str, mode: int = 0o755) -> Path:
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def test_a_program_that_may_not_be_run_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"the tool: .* may not be run.*TRITFORGE_CACHE"):
        run([script(tmp_path, "true", 0o644)], "the tool")


def test_a_full_disk_is_no_mistake_in_the_source(tmp_path: Path) -> None:
    tool = script(tmp_path, "echo 'x.o: No space left on device' >&2; exit 1")
    with pytest.raises(ToolError, match=r"the tool: No space left on device .*TMPDIR") as caught:
        run([tool], "the tool", CompileError)
    assert "\n" not in str(caught.value)


def test_other_failures_show_what_was_printed(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"exit code 3.*\nbad line"):
        run([script(tmp_path, "echo 'bad line'; exit 3")], "the tool", CompileError)
