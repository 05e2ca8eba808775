# SPDX-License-Identifier: Apache-2.0
"""Error of Shiftmax and ShiftGELU against the exact functions, and against upstream's float32.

python -m benchmarks.ivit_units [--random-scales] [--json] [--plot FILE.svg|FILE.png]

What is measured, and how: testing/ivit_units.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from testing.ivit_units import (
    Measurement,
    ScaleMeasurement,
    measure,
    measure_random_scales,
    plot,
    scale_table,
    table,
)
from tritforge.errors import ConfigurationError


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--random-scales", action="store_true", help="upstream's float32 with random scales"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw an .svg or .png file")
    options = parser.parse_args(argv)
    try:
        if options.plot:
            plot(options.plot)
    except (ConfigurationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found: Sequence[Measurement] | Sequence[ScaleMeasurement]
    if options.random_scales:
        found = scales = measure_random_scales()
        text = scale_table(scales)
    else:
        found = measurements = measure()
        text = table(measurements)
    print(json.dumps([asdict(item) for item in found], indent=2) if options.json else text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
