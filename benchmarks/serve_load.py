# SPDX-License-Identifier: Apache-2.0
"""Load on `tritforge serve` through the official openai client, on loopback.

    python -m benchmarks.serve_load              # 16 clients for five minutes, 200 leave midway
    python -m benchmarks.serve_load --seconds 20 --model 370m.tritforge

Every answer's token ids are compared with those of `LanguageModel.generate` at the same seed. The
status is 1 if a token differs, an error other than 429 comes, or the clients that left leave
something behind in the server: lanes, tasks, file descriptors, memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from testing.serve_load import LoadOptions, measure, report
from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="model image (default: the embedded one)")
    parser.add_argument("--threads", type=int, help="of the engine (default: all)")
    usual = LoadOptions()
    parser.add_argument(
        "--seconds", type=float, default=usual.seconds, help="(default: %(default)g)"
    )
    parser.add_argument("--clients", type=int, default=usual.clients, help="(default: %(default)s)")
    parser.add_argument("--lanes", type=int, default=usual.lanes, help="(default: %(default)s)")
    parser.add_argument("--queue", type=int, default=usual.queue, help="(default: %(default)s)")
    parser.add_argument(
        "--leave",
        type=int,
        default=usual.leave,
        help="clients that leave midway (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(arguments)


def main() -> int:
    """Entry point; returns the exit status."""
    options = parse_arguments()
    names = [field.name for field in dataclasses.fields(LoadOptions)]
    try:
        result = measure(LoadOptions(**{name: getattr(options, name) for name in names}))
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(report(result))
    if options.json is not None:
        values = dataclasses.asdict(result) | {"complaints": result.complaints()}
        write_whole_text(options.json, json.dumps(values, indent=1) + "\n")
    return 1 if result.complaints() else 0


if __name__ == "__main__":
    sys.exit(main())
