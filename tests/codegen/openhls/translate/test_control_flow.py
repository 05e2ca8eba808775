# SPDX-License-Identifier: Apache-2.0
"""Order of blocks, and which of them run under one condition or never together."""

from __future__ import annotations

import pytest

from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.translate.control_flow import ControlFlow, LoopFound, analyse


def flow(**successors: str) -> ControlFlow:
    """Blocks by their successors, the first one is the entry; `-` returns, `!` never ends."""
    lines = ["define void @f(i1 %c) {"]
    for label, targets in successors.items():
        lines.append(f"{label}:")
        names = targets.split()
        if names in (["-"], ["!"]):
            lines.append("  ret void" if names == ["-"] else "  unreachable")
        elif len(names) == 1:
            lines.append(f"  br label %{names[0]}")
        else:
            lines.append(f"  br i1 %c, label %{names[0]}, label %{names[1]}")
    return analyse(parse_module("\n".join([*lines, "}"])).functions["f"])


def test_a_diamond() -> None:
    found = flow(entry="left right", left="end", right="end", end="-")
    assert found.order[0] == "entry" and found.order[-1] == "end"
    assert set(found.predecessors["end"]) == {"left", "right"}
    assert found.same_condition == {"end": "entry"}
    assert found.exclusive("left", "right") and found.exclusive("right", "left")
    assert not found.exclusive("entry", "left") and not found.exclusive("left", "left")


def test_a_branch_without_else() -> None:
    found = flow(entry="then end", then="end", end="-")
    assert found.same_condition == {"end": "entry"}
    assert not found.exclusive("then", "end")


def test_two_returns_share_nothing() -> None:
    found = flow(entry="left right", left="-", right="-")
    assert found.same_condition == {}
    assert found.exclusive("left", "right")


def test_paths_into_undefined_behaviour_do_not_count() -> None:
    """What never ends is not a way around the rest."""
    found = flow(entry="trap rest", trap="!", rest="-")
    assert found.same_condition["rest"] == "entry"


def test_nested_branches() -> None:
    found = flow(entry="outer end", outer="inner join", inner="join", join="end", end="-")
    assert found.same_condition == {"end": "entry", "join": "outer"}


def test_blocks_that_nothing_reaches_are_left_out() -> None:
    found = flow(entry="end", island="end", end="-")
    assert found.order == ("entry", "end")


@pytest.mark.parametrize(
    ("blocks", "block"),
    [
        ({"entry": "body", "body": "body end", "end": "-"}, "body"),
        ({"entry": "head", "head": "body end", "body": "head", "end": "-"}, "body"),
    ],
)
def test_a_loop_is_found_where_it_jumps_back(blocks: dict[str, str], block: str) -> None:
    with pytest.raises(LoopFound) as caught:
        flow(**blocks)
    assert caught.value.block == block
