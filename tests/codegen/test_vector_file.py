# SPDX-License-Identifier: Apache-2.0
"""The text of golden vectors."""

from __future__ import annotations

import numpy as np

from codegen.vector_file import VectorFile


def test_cases_and_entries_come_in_their_order() -> None:
    file = VectorFile("Vectors of a unit")
    file.case("first")
    file.add(scale=-3, codes=np.arange(6).reshape(2, 3), none=[])
    file.case("second")
    file.add(codes=(1, 2))
    assert file.text() == (
        "# Vectors of a unit\n"
        "case first\nscale 1 -3\ncodes 6 0 1 2 3 4 5\nnone 0\n"
        "case second\ncodes 2 1 2\n"
    )


def test_numbers_keep_all_their_digits() -> None:
    file = VectorFile("x")
    file.add(words=np.array([2**63 - 1, -(2**63)], np.int64), wide=[2**64 - 1])
    assert file.text().splitlines()[1:] == [
        "words 2 9223372036854775807 -9223372036854775808",
        "wide 1 18446744073709551615",
    ]
