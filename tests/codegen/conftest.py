# SPDX-License-Identifier: Apache-2.0
"""`pytest tests/codegen --update-goldens` rewrites the text goldens instead of comparing them."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true", help="rewrite tests/codegen/goldens, then review"
    )


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    # Without the default, a run from the root, where this file is loaded late, would fail.
    return bool(request.config.getoption("update_goldens", default=False))
