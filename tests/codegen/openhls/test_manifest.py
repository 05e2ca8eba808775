# SPDX-License-Identifier: Apache-2.0
"""Manifests: derived from the C++, round trip through JSON, and checked against it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from codegen.openhls.errors import InterfaceError
from codegen.openhls.flow import build_design, default_includes, translate_file
from codegen.openhls.manifest import (
    Direction,
    Manifest,
    Port,
    Ram,
    Register,
    Stream,
    manifest_from_json,
    manifest_of,
)
from codegen.openhls.step import Step
from testing.openhls.proof_cases import KERNELS

EXAMPLES = KERNELS / "examples.cpp"


def _manifest(top: str, stages: int = 4) -> Manifest:
    return manifest_of(translate_file(EXAMPLES, top), stages)


def test_everything_is_derived_from_the_source() -> None:
    found = _manifest("histogram")
    assert found.ports == (
        Port("threshold", 4, Direction.INPUT),
        Port("above", 4, Direction.OUTPUT),
    )
    assert found.streams == (
        Stream("in", 3, Direction.INPUT),
        Stream("marked", 8, Direction.OUTPUT),
    )
    assert [item.width for item in found.state] == [4] * 8
    assert _manifest("reverse").rams == (Ram("memory", 40, 16),)
    assert Register("phase", 16, 0x1234) in _manifest("oscillator").state


def test_registers_have_only_bits_that_matter() -> None:
    state = {item.name: item.width for item in _manifest("accumulate").state}
    assert sorted(state.values()) == [8, 30]  # of 8 and 32 bits of memory


def test_json_round_trip() -> None:
    for top in ("mix", "accumulate", "reverse", "histogram"):
        manifest = _manifest(top)
        assert manifest_from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format 2"),
        ({"pipeline_stages": 0}, "at least 1"),
        ({"pipeline_stages": 257}, "give 1 to 256"),
        ({"pipeline_stages": True}, "give a int"),
        ({"initiation_interval": 2}, "it is 1"),
        ({"colour": "red"}, "unknown entry 'colour'"),
        ({"streams": 3}, "streams is no list"),
        ({"streams": [{"name": "a", "width": 8}]}, "no entry 'direction'"),
        ({"streams": [{"name": "a", "width": 8, "direction": "up"}]}, "'up'"),
        ({"rams": [{"name": "a", "width": 8, "words": -1}]}, "words is -1"),
    ],
)
def test_bad_manifests_are_named(change: dict[str, object], says: str) -> None:
    document = {**json.loads(_manifest("accumulate").to_json()), **change}
    with pytest.raises(InterfaceError, match=says):
        manifest_from_json(json.dumps(document))


def test_a_manifest_must_agree_with_the_source() -> None:
    step = translate_file(EXAMPLES, "accumulate")
    right = manifest_of(step, 1)
    build_design(step, right)
    wrong = tuple(dataclasses.replace(item, width=9) for item in right.streams[:1])
    with pytest.raises(InterfaceError, match="lengths: the manifest says width 9"):
        build_design(step, dataclasses.replace(right, streams=(*wrong, *right.streams[1:])))
    with pytest.raises(InterfaceError, match="sums: the manifest says that there is none"):
        build_design(step, dataclasses.replace(right, streams=right.streams[:2]))


def test_the_distance_of_a_ram_is_what_the_included_header_says(tmp_path: Path) -> None:
    """The kernel's own copy of ram.hpp decides, not the one that the flow brings."""
    includes, shim = default_includes()
    copy = shutil.copytree(includes, tmp_path / "include")
    header = copy / "common" / "ram.hpp"
    text = header.read_text(encoding="utf-8")
    changed = text.replace("kRamSettleSteps = 8;", "kRamSettleSteps = 4;")
    assert changed != text
    header.write_text(changed, encoding="utf-8")
    step = translate_file(EXAMPLES, "reverse", (copy, shim))
    assert [ram.settle_steps for ram in step.rams] == [4]


#: Adds to a word of a RAM what came in the same step: the write needs the read.
FEEDBACK = """
#include "ap_int.h"
#include "common/ram.hpp"
#include "hls_stream.h"
extern "C" void feedback(hls::stream<ap_uint<16>>& in, hls::stream<ap_uint<16>>& out) {
    static tritforge::Ram<ap_uint<16>, 16, SETTLE> memory;
    static ap_uint<4> at = 0;
    const ap_uint<16> sum = memory.read(at) + in.read();
    memory.write(at, sum);
    out.write(sum);
    at = at + 1;
}
"""


def _feedback(folder: Path, settle: int) -> Step:
    source = folder / f"feedback_{settle}.cpp"
    source.write_text(FEEDBACK.replace("SETTLE", str(settle)), encoding="utf-8")
    return translate_file(source, "feedback")


def test_a_write_comes_in_time_for_the_next_read(tmp_path: Path) -> None:
    """The response takes two stages, so a distance of two steps is too short in any pipeline."""
    for stages in (3, 12):
        build_design(_feedback(tmp_path, 3), Manifest("feedback", stages))
        with pytest.raises(InterfaceError, match=r"fewer than kSettleSteps \(memory 2\)"):
            build_design(_feedback(tmp_path, 2), Manifest("feedback", stages))


def test_a_ram_needs_stages() -> None:
    with pytest.raises(InterfaceError, match="at least 3"):
        build_design(translate_file(EXAMPLES, "reverse"), Manifest("reverse", 1))
