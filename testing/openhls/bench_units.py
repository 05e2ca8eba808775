# SPDX-License-Identifier: Apache-2.0
"""Processes of the machine, fed what their own test benches send, then the same with other data."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.openhls.cache import cached
from codegen.openhls.flow import default_includes, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.bench_words import record_bench
from codegen.openhls.simulate.proof import Evidence, prove
from codegen.output import write_project
from codegen.project import render_project
from codegen.sources import bench_of
from testing.openhls.words import corner_word
from tritforge.language_model.config import AcceleratorConfig
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


def prove_bench_unit(
    config: AcceleratorConfig,
    manifest: Manifest,
    count: int,
    stalls: Sequence[int],
) -> Evidence:
    """Prove a process on at least `count` words: those of its bench, again with other data."""
    project = _project(config)
    top, source = manifest.top, project / "src" / "top.cpp"
    folders = (project / "include", project / "src", project / "tb", *default_includes())
    step = translate_file(source, top, folders)
    bench, vectors = bench_of(project, top)
    recorded = record_bench(source, "top.hpp", bench, [vectors], step, folders)
    widths = {item.name: item.width for item in step.reads}
    words = {name: list(given) for name, given in recorded.inputs.items()}
    generator = random.Random(top)
    passes = max(2 if FREE_DATA[top] else 1, -(-count // recorded.input_words))
    for _ in range(passes - 1):
        for name, given in recorded.inputs.items():
            words[name] += (
                _other_data(generator, given, widths[name], FREE_DATA[top][name])
                if name in FREE_DATA[top]
                else given
            )
    return prove(source, manifest, words, folders, stalls)


def _project(config: AcceleratorConfig) -> Path:
    """The generated project, in one place, so that its processes share what was compiled."""
    files = render_project(LanguageModelBlueprint(config))
    parts = [part for name, content in files.items() for part in (name, content)]
    return cached("proof_project", parts, lambda folder: write_project(folder / "p", files)) / "p"


def _other_data(generator: random.Random, words: Sequence[int], width: int, kept: int) -> list[int]:
    return [word & kept | corner_word(generator, width) & ~kept for word in words]
