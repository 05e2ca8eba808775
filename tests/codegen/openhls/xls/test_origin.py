# SPDX-License-Identifier: Apache-2.0
"""Lines of C++ in names, through everything that tools hang on them."""

from __future__ import annotations

import pytest

from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.xls.origin import file_label, named_line, origin_name
from tests.codegen.openhls.xls.test_text_goldens import KERNEL


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("include/ivit/shiftmax.hpp", "shiftmax"),
        ("2mm.cpp", "file_2mm"),
        ('a "b".hpp', "a__b_"),
        ("größe.hpp", "gr__e"),
        (".hpp", "file__hpp"),
    ],
)
def test_labels_are_identifiers(file: str, label: str) -> None:
    assert file_label(file) == label
    assert named_line(f"design.p12_{origin_name(label, 7)}_33_TRELLIS_FF_Q") == f"{label}:7"


@pytest.mark.parametrize("name", ["p0_n_4", "not_115", "__s_sum_L", "L7_3", "p1_inputs_valid"])
def test_other_names_have_no_line(name: str) -> None:
    assert named_line(name) is None


def test_signals_of_a_kernel_name_their_lines() -> None:
    design = build_design(translate_file(KERNEL, "running_sum"), Manifest("running_sum", 4))
    lines = KERNEL.read_text(encoding="utf-8").splitlines()
    found = {named_line(word.strip(";")) for word in design.modules.split()} - {None}
    numbers = {int(item.split(":")[1]) for item in found if item}
    assert found and all(item and item.startswith("running_sum:") for item in found)
    # A line that computes, not a brace or a comment.
    assert all(any(sign in lines[number - 1] for sign in "+*=(") for number in numbers)
