# SPDX-License-Identifier: Apache-2.0
"""C-simulation = translation = Verilated RTL for examples of every feature and for the units."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen.openhls.manifest import Manifest
from codegen.openhls.proof import ProofError, prove
from codegen.processes import machine_processes
from tests.openhls import unit_words
from tests.openhls.unit_words import Words, config_include, project_source, small_config
from tests.openhls.words import corner_words
from tritforge.config import AcceleratorConfig

KERNELS = Path(__file__).parent / "kernels"
EXAMPLES, UNITS = KERNELS / "examples.cpp", KERNELS / "units.cpp"
COUNT = 3000

pytestmark = pytest.mark.cosim


def _example_words(top: str) -> Words:
    source = random.Random(top)
    streams = {
        "mix": {"a": 9, "b": 100, "negate": 1},
        "walls": {"a": 7, "b": 100, "c": 200},
        "accumulate": {"values": 17},
        "oscillator": {"frequencies": 16},
        "reverse": {"in": 40},
        "histogram": {"in": 3},
        "fill_up": {"in": 9},
    }
    words = {name: corner_words(source, width, COUNT) for name, width in streams[top].items()}
    if top == "accumulate":
        words["lengths"] = [source.randint(1, 40) for _ in range(COUNT // 10)]
    if top == "fill_up":
        words["lengths"] = [source.randint(1, 15) for _ in range(COUNT // 2)]
    if top == "histogram":
        words["threshold"] = [5]
    return words


@pytest.mark.parametrize(
    ("top", "stages"),
    [
        ("mix", 2),
        ("walls", 1),
        ("accumulate", 1),
        ("oscillator", 2),
        ("reverse", 4),
        ("histogram", 2),
        ("fill_up", 1),
    ],
)
def test_example(top: str, stages: int) -> None:
    evidence = prove(EXAMPLES, Manifest(top, stages), _example_words(top))
    assert evidence.vectors >= COUNT
    assert evidence.output_words > 50
    assert all(latency <= stages for latency in evidence.latency.values())


_UNITS: dict[str, Callable[[AcceleratorConfig], Words]] = {
    "scalar_unit": lambda config: unit_words.scalar_words(config, 2, COUNT),
    "quantiser": lambda config: unit_words.quantiser_words(config, 3, COUNT),
    "code_buffer": lambda config: unit_words.buffer_words(config, 4, COUNT),
}


@pytest.mark.parametrize(
    ("top", "lanes"),
    [(top, lanes) for top in _UNITS for lanes in (1, 2) if lanes == 1 or top != "scalar_unit"],
)
def test_unit(top: str, lanes: int, tmp_path: Path) -> None:
    config = small_config(lanes=lanes)
    includes = config_include(config, tmp_path)
    source = project_source(config, tmp_path)
    (stages,) = (item.stages for item in machine_processes(config.ports) if item.name == top)
    evidence = prove(source, Manifest(top, stages), _UNITS[top](config), includes)
    assert evidence.vectors >= COUNT
    assert evidence.output_words > COUNT // 8


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_ternary_array(ports: int, tmp_path: Path) -> None:
    config = small_config(ports)
    words = unit_words.array_words(config, 1, COUNT)
    evidence = prove(UNITS, Manifest("ternary_array", 2), words, config_include(config, tmp_path))
    assert evidence.vectors >= 2 * COUNT
    assert evidence.latency == {"sums": 2}


def test_ternary_code_all_bytes(tmp_path: Path) -> None:
    words = {"code": [*range(256)] * 12}
    includes = config_include(small_config(), tmp_path)
    assert prove(UNITS, Manifest("ternary_code", 1), words, includes).vectors >= COUNT


def test_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof compares: one wrong word of C-simulation is named with its place."""
    from codegen.openhls.csim import CSimulation

    honest = CSimulation.run

    def wrong(self: CSimulation, words: Words, steps: int) -> Words:
        result = honest(self, words, steps)
        result["wave"][1234] ^= 1
        return result

    monkeypatch.setattr(CSimulation, "run", wrong)
    with pytest.raises(ProofError, match=r"wave\[1234\]"):
        prove(EXAMPLES, Manifest("oscillator", 2), _example_words("oscillator"), stalls=())
