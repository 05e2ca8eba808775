# SPDX-License-Identifier: Apache-2.0
"""How long it takes to build a machine's simulations from nothing, and how fast they run.

python -m benchmarks.machine_simulation [--model FILE] [--lanes B] [--tokens N] [--json]

Every step works with an empty cache of its own. The tokens are random; the outputs of C-simulation
and RTL are compared word by word.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.machine.csim_library import build_csim_library
from codegen.machine.rtl_library import build_rtl_library
from codegen.machine.source import MachineSource
from codegen.project import machine_source
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import Run
from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.model import EMBEDDED_MODEL
from pynq_driver.language_model.words import MachineWords
from tritforge.errors import TritforgeError
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image, open_image

_CACHE = "TRITFORGE_CACHE"
#: Library -> how it is built.
_BUILDS: dict[str, Callable[[MachineSource], Path]] = {
    "csim": build_csim_library,
    "rtl": build_rtl_library,
}


def runs_of(image: Image, config: AcceleratorConfig, count: int) -> list[Run]:
    """Runs with random tokens in every lane; the first one starts all contexts."""
    words = MachineWords(config, image)
    model = words.model()
    generator = np.random.default_rng(1)
    lanes = range(config.lanes)
    runs = []
    for index in range(count):
        tokens = generator.integers(image.header.shape.vocabulary, size=config.lanes).tolist()
        fresh = lanes if index == 0 else ()
        command = words.command(prefill=False, all_logits=True, fresh=fresh)
        inputs = {**model, "input": words.input(tokens)}
        runs.append(Run(command, inputs, {"output": words.output_words(all_logits=True)}))
    return runs


def measure(image: Image, config: AcceleratorConfig, tokens: int) -> dict[str, dict[str, float]]:
    """Library -> seconds to build, to the first token after that, per token; cycles per second.

    Raises:
        TritforgeError: a tool is missing, or the simulations differ.
    """
    runs = runs_of(image, config, tokens)
    result: dict[str, dict[str, float]] = {}
    outputs = {}
    source = machine_source(LanguageModelBlueprint(config))
    for kind, build in _BUILDS.items():
        start = time.perf_counter()
        library = build(source)
        built = time.perf_counter()
        machine = CompiledMachine(library)
        answers = [machine.run(runs[0])]
        first = time.perf_counter()
        answers += [machine.run(run) for run in runs[1:]]
        end = time.perf_counter()
        outputs[kind] = [answer.outputs["output"] for answer in answers]
        row = {"build_s": built - start, "first_token_s": first - built}
        if len(runs) > 1:
            row["token_s"] = (end - first) / (len(runs) - 1)
        cycles = sum(answer.counters.get("cycles", 0) for answer in answers)
        if cycles:
            row["cycles_per_token"] = cycles / len(runs)
            row["cycles_per_s"] = cycles / (end - built)
        result[kind] = row
    if any(not np.array_equal(a, b) for a, b in zip(outputs["csim"], outputs["rtl"])):
        raise TritforgeError("C-simulation and RTL differ")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="image (default: the embedded model)")
    parser.add_argument("--lanes", type=int, default=1, help="streams at once (default: 1)")
    parser.add_argument("--tokens", type=int, default=4, help="tokens per stream (default: 4)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    try:
        if options.tokens < 1:
            raise TritforgeError(f"--tokens {options.tokens}: give at least 1")
        image = open_image(options.model or EMBEDDED_MODEL)
        config = config_for(image, lanes=options.lanes)
        with tempfile.TemporaryDirectory() as folder:
            os.environ[_CACHE] = folder
            rows = measure(image, config, options.tokens)
    except TritforgeError as error:
        print(f"machine_simulation: error: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(rows, indent=1))
        return 0
    for kind, row in rows.items():
        print(kind + ": " + ", ".join(f"{name} {value:,.2f}" for name, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
