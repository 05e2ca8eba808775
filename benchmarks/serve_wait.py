# SPDX-License-Identifier: Apache-2.0
"""How long short requests wait beside long prompts while lanes are free.

    python -m benchmarks.serve_wait                        # beside one prompt of 100,000
    python -m benchmarks.serve_wait --long 4 --tokens 20000

A client sends short requests one after the other, first alone, then while the long prompts of
other clients are read.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpx

from testing.serve_process import running_server

_TIMEOUT = 600.0
_SHORT = {"prompt": "The little fox", "max_tokens": 2, "seed": 1}


@dataclass(frozen=True)
class Waits:
    """Seconds that short requests took.

    Attributes:
        count: requests while the long prompts were read.
        long_seconds: from the first long prompt to the last one's answer.
    """

    alone: float
    median: float
    largest: float
    count: int
    long_seconds: float


def measure(url: str, model: str, long: int, tokens: int, shorts: int) -> Waits:
    """Latency of short requests alone, and beside `long` prompts of so many tokens.

    Args:
        shorts: requests alone, and at least that many beside.
    """
    with httpx.Client(base_url=url, timeout=_TIMEOUT) as client:
        alone = [_ask(client, model) for _ in range(shorts)]
        body = {"model": model, "prompt": [5] * tokens, "max_tokens": 1}
        started = time.monotonic()
        threads = [
            threading.Thread(
                target=httpx.post,
                args=(f"{url}/v1/completions",),
                kwargs={"json": body, "timeout": _TIMEOUT},
            )
            for _ in range(long)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        beside: list[float] = []
        while len(beside) < 1 or any(thread.is_alive() for thread in threads):
            beside.append(_ask(client, model))
        for thread in threads:
            thread.join()
        return Waits(
            statistics.median(alone),
            statistics.median(beside),
            max(beside),
            len(beside),
            time.monotonic() - started,
        )


def _ask(client: httpx.Client, model: str) -> float:
    started = time.monotonic()
    client.post("/v1/completions", json={"model": model, **_SHORT}).raise_for_status()
    return time.monotonic() - started


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--long", type=int, default=1, help="long prompts (default: 1)")
    parser.add_argument("--tokens", type=int, default=100_000, help="of each (default: 100000)")
    parser.add_argument("--shorts", type=int, default=20, help="short requests (default: 20)")
    parser.add_argument("--lanes", type=int, default=8, help="of the server (default: 8)")
    parser.add_argument("--threads", type=int, default=1, help="of the server (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    serve = ["--lanes", str(options.lanes), "--threads", str(options.threads), "--timeout", "900"]
    with running_server(serve) as (url, _):
        model = httpx.get(f"{url}/v1/models").json()["data"][0]["id"]
        waits = measure(url, model, options.long, options.tokens, options.shorts)
    if options.json:
        print(json.dumps(asdict(waits), indent=1))
        return 0
    print(f"short request alone          {1000 * waits.alone:8.1f} ms (median)")
    print(f"beside {options.long} x {options.tokens} tokens     {1000 * waits.median:8.1f} ms")
    print(f"longest of {waits.count:<5}             {1000 * waits.largest:8.1f} ms")
    print(f"long prompts                 {waits.long_seconds:8.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
