# SPDX-License-Identifier: Apache-2.0
"""Names in C++ that hardware cannot have: changed for state, refused by rule for ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import prove
from codegen.openhls.translate.names import MAXIMUM_LENGTH, XLS_KEYWORDS, state_name

HEAD = '#include "ap_int.h"\n#include "hls_stream.h"\n#include "common/ram.hpp"\n'
BYTES = "hls::stream<ap_uint<8>>& "
WORDS = [7, 8, 9, 200, 255, 0, 16, 23]


def source(folder: Path, text: str) -> Path:
    path = folder / "kernel.cpp"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def counter(state: str = "s", given: str = "a", sent: str = "b", top: str = "step") -> str:
    return (
        f'extern "C" void {top}({BYTES}{given}, {BYTES}{sent}) {{\n'
        f"    static ap_uint<4> {state} = 3;\n    {state} = {state} + 1;\n"
        f"    {sent}.write(ap_uint<8>({given}.read() + {state}));\n}}\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "next",
        "token",
        "top",
        "bits",
        "n_3",
        "p_in_a",
        "wire",
        "zähler",
        "日",
        "v" * 250,
        "a__b",
        "_",
    ],
)
def test_statics_may_have_any_name(name: str, tmp_path: Path) -> None:
    step = translate_file(source(tmp_path, counter(state=name)), "step")
    assert [item.initial for item in step.state] == [3]
    build_design(step, Manifest("step", 1))
    assert step.state[0].name.isascii() and len(step.state[0].name) <= MAXIMUM_LENGTH


@pytest.mark.parametrize(
    "name",
    ["source", "clock", "out", "clk", "always", "a__b", "data_", "w" * MAXIMUM_LENGTH],
)
def test_streams_may_have_the_name_of_a_keyword(name: str, tmp_path: Path) -> None:
    """Their wires are NAME_tdata and so on; also the simulation finds them."""
    kernel = source(tmp_path, counter(given=name))
    assert prove(kernel, Manifest("step", 1), {name: WORDS}, stalls=(0,)).output_words == len(WORDS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (counter(given="größe"), "größe has letters that are not ASCII"),
        (counter(given="w" * 250), "has 250 letters, at most 100"),
        (counter(top="t" * 101), "has 101 letters, at most 100"),
        (counter(top="schätzen"), "function schätzen has letters that are not ASCII"),
        (counter(top="module"), "function module is a keyword of SystemVerilog"),
        (
            f'extern "C" void step({BYTES}a, const bool& clk, {BYTES}b)',
            "parameter clk has the name",
        ),
        (f'extern "C" void step({BYTES}a, const bool& clock, {BYTES}b)', "a keyword of XLS IR"),
        (f'extern "C" void step({BYTES}a, const bool& wire, {BYTES}b)', "of SystemVerilog"),
        (f'extern "C" void step({BYTES}a, bool& always, {BYTES}b)', "of SystemVerilog"),
        (f'extern "C" void step({BYTES}a, bool& core, {BYTES}b)', "parameter core has the name"),
        (f'extern "C" void step({BYTES}a, const bool& a_tdata, {BYTES}b)', "both make a wire a_td"),
        (f'extern "C" void step({BYTES}a, bool& b_tready, {BYTES}b)', "make a wire b_tready"),
        ('extern "C" void step(const bool& out, bool& b)', "parameter out has the name of a wire"),
    ],
)
def test_names_of_ports_that_cannot_be_are_refused(text: str, says: str, tmp_path: Path) -> None:
    if text.endswith(")"):
        names = text[text.index("(") + 1 : -1].replace("&", "").split(", ")
        given = [item.split()[-1] for item in names if item.startswith("const")]
        sent = [item.split()[-1] for item in names if item.startswith("bool")]
        lines = [f"    {name} = true;" for name in sent]
        if "stream" in text:
            lines.append(f"    b.write(a.read(){''.join(f' + {name}' for name in given)});")
        elif given:
            lines = [f"    {sent[0]} = !{given[0]};"]
        text += " {\n" + "\n".join(lines) + "\n}\n"
    top = text.split("void ")[1].split("(")[0]
    with pytest.raises(StyleError, match=says) as caught:
        translate_file(source(tmp_path, text), top)
    assert caught.value.rule is rules.PORT_NAME
    assert caught.value.location is not None and caught.value.location.line == 4


def test_statics_of_one_name_in_two_functions_are_two(tmp_path: Path) -> None:
    kernel = source(
        tmp_path,
        "static int one(int x) { static ap_uint<4> state = 1; return x + (state = state + 1); }\n"
        "static int two(int x) { static ap_uint<5> state = 2; return x - (state = state + 3); }\n"
        f'extern "C" void step({BYTES}a, {BYTES}b) {{\n'
        "    const int x = a.read();\n    b.write(x & 1 ? one(x) : two(x));\n}\n",
    )
    step = translate_file(kernel, "step")
    assert sorted(item.name for item in step.state) == ["state", "state_2"]
    assert sorted(item.width for item in step.state) == [4, 5]
    prove(kernel, Manifest("step", 1), {"a": WORDS}, stalls=(0,))


def test_rams_of_one_name_in_two_functions_are_two(tmp_path: Path) -> None:
    """Else one RAM would hold the words of both."""
    memory = "static tritforge::Ram<ap_uint<8>, 2> memory;"
    access = "const ap_uint<8> old = memory.read(0); memory.write(0, x); return old;"
    kernel = source(
        tmp_path,
        f"static ap_uint<8> one(ap_uint<8> x) {{ {memory} {access} }}\n"
        f"static ap_uint<8> two(ap_uint<8> x) {{ {memory} {access} }}\n"
        f'extern "C" void step({BYTES}a, {BYTES}b) {{\n'
        "    static ap_uint<4> wait = 0;\n"
        "    const bool is_first = wait == 0, is_second = wait == 1;\n"
        "    const bool is_third = wait == 14, is_fourth = wait == 15;\n"
        "    wait = wait + 1;\n"
        "    if (is_first || is_third) b.write(one(a.read()));\n"
        "    else if (is_second || is_fourth) b.write(two(a.read()));\n}\n",
    )
    step = translate_file(kernel, "step")
    assert sorted(ram.name for ram in step.rams) == ["memory", "memory_2"]
    prove(kernel, Manifest("step", 4), {"a": WORDS[:4]}, stalls=(0,))


def test_names_are_changed_once_and_stay_apart() -> None:
    assert state_name("sum", ()) == "sum"
    assert state_name("sum", ("sum", "sum_2")) == "sum_3"
    long = [state_name("s" * 200 + end, ()) for end in "ab"]
    assert long[0] != long[1] and max(map(len, long)) <= MAXIMUM_LENGTH
    assert state_name("größe", ()) == "gr_xf6_xdfe"


def test_keywords_are_those_of_the_tool() -> None:
    import xls

    def parses(name: str) -> bool:
        body = f"top fn f({name}: bits[8]) -> bits[8] {{\n  ret r: bits[8] = not({name})\n}}\n"
        try:
            xls.Package.parse_ir(f"package p\n\n{body}")
        except Exception:
            return False
        return True

    assert not [name for name in XLS_KEYWORDS if parses(name)]
    others = ("data", "a", "clk", "state", "value", "ready", "input", "send", "receive", "array")
    assert all(parses(name) for name in others)
