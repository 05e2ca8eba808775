# SPDX-License-Identifier: Apache-2.0
"""Templates: unknown names are errors, blocks leave no lines."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from codegen import rendering


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rendering, "_TEMPLATES", tmp_path)
    return tmp_path


def test_blocks_leave_no_blank_lines(folder: Path) -> None:
    lines = [
        "{% for x in xs %}",
        "  {% if x %}",
        "{{ x }};",
        "  {% endif %}",
        "{% endfor %}",
        "end",
    ]
    (folder / "a.j2").write_text("\n".join(lines) + "\n")
    assert rendering.render("a.j2", {"xs": [1, 0, 2]}) == "1;\n2;\nend\n"


def test_unknown_names_are_errors(folder: Path) -> None:
    (folder / "a.j2").write_text("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        rendering.render("a.j2", {})
