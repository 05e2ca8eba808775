# SPDX-License-Identifier: Apache-2.0
"""How faithful conversions are over many checkpoints: sizes, gains, slow gates, types, outliers.

    python -m benchmarks.fidelity_grid
    python -m benchmarks.fidelity_grid --only dim-64 --json

Every checkpoint has random weights and is converted as `tritforge convert` does by default. Random
tokens then go through the integer model and through the float64 model of the checkpoint as it is
stored: logit error, and agreement where the float model's best token leads by more than one per
cent of the logits' standard deviation. The same two figures of upstream's arithmetic in float32 and
in float16 say what a rounding of any kind does to these logits. The last column is the distance of
the integer logits from those of the model without int8 codes, as a multiple of the distance that
the codes alone make.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from testing.fidelity_grid import STORAGES, Result, cases, measure


def as_text(result: Result) -> str:
    """One line of the table."""
    pairs = [result.integer, *result.upstream.values()]
    figures = "".join(
        f"{100 * item.logit_error:9.2f} %{100 * item.agreement:7.1f} %" for item in pairs
    )
    saturated = ", ".join(f"{name} {count}" for name, count in result.integer.saturations.items())
    return (
        f"{result.name:<22}{figures}{result.distance_ratio:8.3f}{result.seconds:7.0f} s  "
        f"{saturated or 'none'}"
    )


HEADER = (
    f"{'checkpoint':<22}"
    + "".join(f"{name + ' error':>11}{'same':>9}" for name in ("", *map(str, STORAGES)))
    + f"{'ratio':>8}{'time':>9}  saturations"
)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose names hold TEXT")
    parser.add_argument("--small", action="store_true", help="without those that take minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    chosen = [case for case in cases(not options.small) if options.only in case.name]
    if not options.json:
        print(HEADER, flush=True)
    with tqdm(chosen, unit="checkpoint", disable=None, leave=False) as bar:
        for case in bar:
            bar.set_description(case.name)
            with tempfile.TemporaryDirectory() as folder:
                result = measure(case, Path(folder), bar.set_postfix_str)
            line = json.dumps(asdict(result)) if options.json else as_text(result)
            tqdm.write(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
