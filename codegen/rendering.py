# SPDX-License-Identifier: Apache-2.0
"""How templates are rendered: names must exist, blocks leave no blank lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, values: dict[str, Any]) -> str:
    """Text of a template of codegen/templates."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
