# SPDX-License-Identifier: Apache-2.0
"""Processes of the machine, fed what their own test benches send, then the same with other data."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.openhls.cache import cached
from codegen.openhls.flow import default_includes, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.bench_words import record_bench
from codegen.openhls.simulate.proof import Evidence, prove
from codegen.output import write_project
from codegen.project import render_project
from codegen.sources import bench_of
from testing.openhls.words import corner_word
from tritforge.machine_interface import PACKET_DATA_BITS

#: Data that may have any value: process -> stream -> bits that stay, as the protocol needs them.
_LAST_WORD = 1 << PACKET_DATA_BITS
FREE_DATA: Mapping[str, Mapping[str, int]] = {
    "dequantiser": {"scales": 0, "sums": 0},
    "head": {"scores": 0},
    "element_unit": {"activations": 0, "lower_bounds": 0},
    "weight_join": {"port_0": _LAST_WORD, "port_1": _LAST_WORD},
    "vector_unit": {"input": _LAST_WORD, "increments": 0, "products": 0},
    "sequencer": {},
}
#: Such data of the processes of the I-ViT machine.
IVIT_FREE_DATA: Mapping[str, Mapping[str, int]] = {
    "weight_buffer": {"words": _LAST_WORD},
    "matrix_array": {"lefts": 0, "rights": 0},
    "requantise": {"factors": 0, "sums": 0},
    "residual_add": {"branches": 0, "constants": 0},
    "ternary_matrix_array": {"lefts": 0, "rights": 0},
}


def prove_bench_unit(
    blueprint: Blueprint,
    manifest: Manifest,
    count: int,
    stalls: Sequence[int],
    free: Mapping[str, int],
) -> Evidence:
    """Prove a process on at least `count` words: those of its bench, again with other data.

    Args:
        free: stream whose data may have any value -> bits that stay.
    """
    project = _project(blueprint)
    top, source = manifest.top, project / "src" / "top.cpp"
    folders = (project / "include", project / "src", project / "tb", *default_includes())
    step = translate_file(source, top, folders)
    bench, vectors = bench_of(project, top)
    recorded = record_bench(source, "top.hpp", bench, [vectors], step, folders)
    widths = {item.name: item.width for item in step.reads}
    words = {name: list(given) for name, given in recorded.inputs.items()}
    generator = random.Random(top)
    passes = max(2 if free else 1, -(-count // recorded.input_words))
    for _ in range(passes - 1):
        for name, given in recorded.inputs.items():
            words[name] += (
                _other_data(generator, given, widths[name], free[name]) if name in free else given
            )
    return prove(source, manifest, words, folders, stalls)


def _project(blueprint: Blueprint) -> Path:
    """The generated project, in one place, so that its processes share what was compiled."""
    files = render_project(blueprint)
    parts = [part for name, content in files.items() for part in (name, content)]
    return cached("proof_project", parts, lambda folder: write_project(folder / "p", files)) / "p"


def _other_data(generator: random.Random, words: Sequence[int], width: int, kept: int) -> list[int]:
    return [word & kept | corner_word(generator, width) & ~kept for word in words]
