# SPDX-License-Identifier: Apache-2.0
"""Accuracy of trained vision transformers on test images: PyTorch's simulation beside golden.

python -m benchmarks.ivit_accuracy --data DIR TRAINED... [--images N] [--processes N] [--json FILE]

One line per trained directory. A float model has one figure, of PyTorch in float32. A quantised one
has two, which must be equal: of the network of whole numbers in PyTorch, as it was trained, and of
the NumPy golden model, whose integers every engine and machine reproduces. `unlike` counts images
whose largest difference of logits exceeds one unit of golden's plus float32's rounding.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tritforge.errors import TritforgeError, install_command
from tritforge.whole_file import write_whole_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trained", type=Path, nargs="+", help="trained directories")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--images", type=int, metavar="N", help="the first ones (default: all)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="for golden")
    parser.add_argument("--device", default="cpu", help="for PyTorch (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows, too")
    options = parser.parse_args(arguments)
    try:
        from training.ivit.accuracy import measure, table
    except ModuleNotFoundError as error:
        print(f"error: {error}: {install_command('train')}", file=sys.stderr)
        return 1
    try:
        rows = [
            measure(folder, options.data, options.images, options.processes, options.device)
            for folder in options.trained
        ]
        if options.json is not None:
            write_whole_text(options.json, json.dumps([asdict(row) for row in rows], indent=1))
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
