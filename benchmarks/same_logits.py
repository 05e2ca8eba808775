# SPDX-License-Identifier: Apache-2.0
"""Accuracy of vision models by golden model and C++ engine, and whether all logits agree.

python -m benchmarks.same_logits MODEL... [--data DIR] [--pictures N] [--processes N] [--json FILE]

A MODEL is an image (`.tritforge`) or a trained directory, which is converted first. A directory
without scales of activations is a float model, and has the accuracy of the float64 network alone.
Runs on the 10,000 test pictures of Fashion-MNIST, for which golden takes about ten minutes.
Exits with 1 if any logit of any picture differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from testing.same_logits import compare, fashion_mnist, table
from tritforge.checks import check_integer
from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "models", type=Path, nargs="+", metavar="MODEL", help="images or trained directories"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the idx files (default: Debian's)"
    )
    parser.add_argument("--pictures", type=int, metavar="N", help="the first ones (default: all)")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="of golden (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows, too")
    options = parser.parse_args()
    rows = []
    try:
        if options.pictures is not None:
            check_integer("pictures", options.pictures, 1, 1 << 31)
        check_integer("processes", options.processes, 1, 1 << 10)
        for model in options.models:
            row = compare(model, fashion_mnist(options.data), options.pictures, options.processes)
            rows.append(row)
            # A run of hours that is stopped has shown what it found.
            print(table([row]), file=sys.stderr, flush=True)
        if options.json is not None:
            write_whole_text(options.json, json.dumps([asdict(row) for row in rows], indent=1))
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(rows))
    return 1 if any(row.unlike for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
