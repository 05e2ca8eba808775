# SPDX-License-Identifier: Apache-2.0
"""The same prompt and seed on every integer backend: are all tokens equal?

python -m benchmarks.same_tokens [--model IMAGE] [--prompt TEXT] [--tokens N] [--seed S]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pynq_driver import TritforgeError, load

INTEGER_BACKENDS = ("golden", "cpu")


def compare(model: Path | None, prompt: str, tokens: int, seed: int, temperature: float) -> int:
    """Number of leading tokens on which all integer backends agree."""
    runs = []
    for backend in INTEGER_BACKENDS:
        generation = load(model, backend).generate(
            prompt, temperature=temperature, seed=seed, max_tokens=tokens, ignore_end=True
        )
        for _ in generation:
            pass
        runs.append(generation.tokens)
    agreeing = [len(set(choices)) == 1 for choices in zip(*runs)]
    return agreeing.index(False) if False in agreeing else len(agreeing)


def main() -> int:
    """Compare greedy and sampled; exit status 1 if a token differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="image (default: the embedded model)")
    parser.add_argument("--prompt", default="Once upon a time", help="default: %(default)s")
    parser.add_argument("--tokens", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    is_equal = True
    try:
        for name, temperature in (("greedy", 0.0), ("sampled at 0.7", 0.7)):
            count = compare(
                options.model, options.prompt, options.tokens, options.seed, temperature
            )
            is_equal &= count == options.tokens
            print(f"{name:<16}{count} of {options.tokens} tokens equal: {INTEGER_BACKENDS}")
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
