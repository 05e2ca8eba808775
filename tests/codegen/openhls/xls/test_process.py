# SPDX-License-Identifier: Apache-2.0
"""A process out of the text of XLS's optimiser: a parser of foreign text."""

from __future__ import annotations

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.graph import GraphBuilder
from codegen.openhls.step import InputPort, Step, StreamRead, StreamWrite
from codegen.openhls.xls.process import process_ir


def step() -> Step:
    """Adds a wire to every word."""
    graph = GraphBuilder()
    word, wire, always = graph.leaf("a_data", 8), graph.leaf("w", 8), graph.literal(1, 1)
    result = Step("add", ("a", "w", "b"))
    result.inputs.append(InputPort("w", 8, wire))
    result.reads.append(StreamRead("a", 8, word, always))
    result.writes.append(StreamWrite("b", 8, graph.node("add", 8, (word, wire)), always))
    return result


TEXT = """package add_step

file_number 0 "nothing"

top fn add_step(p_in_w: bits[8] id=1, p_read_a: bits[8] id=2) -> (bits[1], bits[1], bits[8]) {
  literal.5: bits[1] = literal(value=1, id=5)
  add.7: bits[8] = add(p_read_a, p_in_w, id=7, pos=[(0,1,2)])
  ret tuple.9: (bits[1], bits[1], bits[8]) = tuple(literal.5, literal.5, add.7, id=9)
}
"""


def test_lines_become_those_of_a_process() -> None:
    lines = process_ir(step(), TEXT).splitlines()
    assert lines[0] == "package add_step"
    channels = [line for line in lines if line.startswith("chan")]
    assert channels == [
        "chan w(bits[8], id=0, kind=single_value, ops=receive_only)",
        "chan a_t(bits[8], id=1, kind=streaming, ops=receive_only, flow_control=ready_valid)",
        "chan b_t(bits[8], id=2, kind=streaming, ops=send_only, flow_control=ready_valid)",
    ]
    body = "\n".join(lines)
    assert "top proc add_step(init={}) {" in body
    assert "id=7" not in body and "pos=" not in body and "p_read_a" not in body
    (added,) = (line for line in lines if " add(" in line)
    total = added.strip().split(":")[0]
    (sliced,) = (line for line in lines if f"bit_slice({total}, start=0, width=8)" in line)
    name = sliced.strip().split(":")[0]
    assert any("send(" in line and f"{name}, channel=b_t" in line for line in lines)
    assert "predicate" not in body  # a condition that always holds is none


def test_elements_of_a_literal_result_get_lines() -> None:
    text = TEXT.replace(
        "  ret tuple.9: (bits[1], bits[1], bits[8]) = tuple(literal.5, literal.5, add.7, id=9)",
        "  ret literal.9: (bits[1], bits[1], bits[8]) = literal(value=(1, 1, 5), id=9)",
    )
    body = process_ir(step(), text)
    assert body.count("tuple_index(") >= 3 and "literal(value=(1, 1, 5))" in body


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("p_in_w: bits[8] id=1, ", "", "changed the parameters of add"),
        ("  ret tuple.9", "  tuple.9", "changed the parameters of add"),
        (
            "  literal.5: bits[1]",
            "  what is this\n  literal.5: bits[1]",
            "a line that is not known",
        ),
        ("top fn add_step", "fn add_step", "changed the parameters of add"),
    ],
)
def test_other_texts_are_refused(old: str, new: str, says: str) -> None:
    assert old in TEXT
    with pytest.raises(ToolError, match=says):
        process_ir(step(), TEXT.replace(old, new))
