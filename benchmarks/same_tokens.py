# SPDX-License-Identifier: Apache-2.0
"""Whether the same prompt and seed give the same tokens on every integer backend.

python -m benchmarks.same_tokens [--model IMAGE] [--prompt TEXT] [--tokens N] [--seed S]
    [--backends golden cpu csim rtl] [--lanes B] [--streams N]

With --streams the machine's lanes also hold that many different prompts at once, and each stream
is compared with the same stream alone on the golden model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pynq_driver import EMBEDDED_MODEL, LanguageModel, TritforgeError
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS
from testing.same_tokens import generate, leading, open_model, streams_alone, streams_together
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import open_image

INTEGER_BACKENDS = ("golden", "cpu", *MACHINE_BACKENDS)
PROMPTS = (
    "Once upon a time",
    "The little robot",
    "Lily and her mother",
    "One day, a dog",
    "Tom was sad because",
    "In the garden",
    "It was a cold night",
    "Mia had a red ball",
)


def compare_generations(models: dict[str, LanguageModel], options: argparse.Namespace) -> bool:
    """Compare greedy and sampled generations of every backend; whether all tokens are equal."""
    is_equal = True
    for what, temperature in (("greedy", 0.0), ("sampled at 0.7", 0.7)):
        runs = {
            name: generate(model, options.prompt, options.tokens, options.seed, temperature, name)
            for name, model in models.items()
        }
        count = leading([run.tokens for run in runs.values()])
        is_equal &= count == options.tokens
        print(f"{what:<16}{count} of {options.tokens} tokens equal: {', '.join(models)}")
        for name, run in runs.items():
            speed = f"{len(run.tokens) / run.seconds:9.2f} tokens/s"
            clock = f", {run.cycles / run.seconds / 1e3:,.0f} thousand cycles/s"
            print(f"  {name:<14}{run.seconds:7.1f} s {speed}{clock if run.cycles else ''}")
    return is_equal


def compare_streams(models: dict[str, LanguageModel], options: argparse.Namespace) -> bool:
    """Compare streams in the lanes of a machine with each of them alone; whether all are equal."""
    prompts = PROMPTS[: options.streams]
    alone = streams_alone(models["golden"], prompts, options.stream_tokens)
    is_equal = True
    for name in MACHINE_BACKENDS:
        if name in models:
            together = streams_together(models[name], prompts, options.stream_tokens)
            counts = [leading(pair) for pair in zip(alone, together)]
            is_equal &= counts == [options.stream_tokens] * len(prompts)
            print(
                f"{len(prompts)} streams       {counts} of {options.stream_tokens} tokens equal: "
                f"golden alone, {name} in lanes"
            )
    return is_equal


def parse_arguments() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="image (default: the embedded model)")
    parser.add_argument("--prompt", default=PROMPTS[0], help="default: %(default)s")
    parser.add_argument("--tokens", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=INTEGER_BACKENDS,
        default=["golden", "cpu"],
        help="default: golden cpu",
    )
    parser.add_argument("--lanes", type=int, help="lanes of csim and rtl (default: 1)")
    parser.add_argument(
        "--streams", type=int, default=0, help=f"different streams, at most {len(PROMPTS)}"
    )
    parser.add_argument("--stream-tokens", type=int, default=8, help="default: %(default)s")
    return parser.parse_args()


def main() -> int:
    """Compare; exit status 1 if a token differs."""
    options = parse_arguments()
    try:
        if not 0 <= options.streams <= min(len(PROMPTS), options.lanes or 1):
            raise ConfigurationError(
                f"--streams {options.streams}: give at most --lanes ({options.lanes or 1})"
            )
        image = open_image(options.model or EMBEDDED_MODEL)
        models = {name: open_model(image, name, options.lanes) for name in options.backends}
        is_equal = not options.tokens or compare_generations(models, options)
        if options.streams:
            models.setdefault("golden", open_model(image, "golden", None))
            is_equal &= compare_streams(models, options)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
