# SPDX-License-Identifier: Apache-2.0
"""Every test here needs the tools of the flow; without them it fails and says what to install."""

from __future__ import annotations

import pytest

from codegen.openhls.tools import check_tools


@pytest.fixture(autouse=True, scope="session")
def _tools() -> None:
    check_tools()
