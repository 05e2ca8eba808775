# SPDX-License-Identifier: Apache-2.0
"""Honest clients beside thousands of connections that do harm.

    python -m benchmarks.serve_abuse                       # 2,000 connections for two minutes
    python -m benchmarks.serve_abuse --connections 200 --seconds 10

Five kinds take turns: silent ones, half headers, half bodies, floods of what is no HTTP, and
readers that ask for answers and read nothing. A connection that the server closes is opened
again. The status is 1 if an honest request is not answered, if the server's log grows beyond a few
lines, or its memory beyond a bound.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict

from testing.serve_abuse import measure


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=2000, help="that do harm (2000)")
    parser.add_argument("--clients", type=int, default=8, help="honest ones (8)")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the run (120)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    result = measure(options.connections, options.clients, options.seconds, ["--threads", "1"])
    if options.json:
        print(json.dumps(asdict(result), indent=1))
    else:
        waits = sorted(result.seconds) or [0.0]
        print(f"honest requests   {result.answered} answered, {result.failed} failed")
        print(f"tried again       {result.busy} times after 429, {result.lost} without an answer")
        print(
            f"their time        {statistics.median(waits):.2f} s median, {waits[-1]:.2f} s at most"
        )
        print(f"connections       {sum(result.opened.values())} opened: {result.opened}")
        print(
            "memory            {:.1f} -> {:.1f} MB".format(*(x / 1e6 for x in result.memory_bytes))
        )
        print(f"log               {result.log_bytes} bytes")
    for text in result.complaints():
        print(f"FAILED: {text}", file=sys.stderr)
    return 1 if result.complaints() else 0


if __name__ == "__main__":
    sys.exit(main())
