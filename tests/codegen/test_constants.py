# SPDX-License-Identifier: Apache-2.0
"""Names of constants in C++."""

from __future__ import annotations

import pytest

from codegen.constants import constant_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dim", "kDim"), ("STREAM_LENGTH", "kStreamLength"), ("glu_width", "kGluWidth")],
)
def test_names_are_camel_case(name: str, expected: str) -> None:
    assert constant_name(name) == expected
