# SPDX-License-Identifier: Apache-2.0
"""The same prompt and seed on every integer backend: are all tokens equal?

python -m benchmarks.same_tokens [--model IMAGE] [--prompt TEXT] [--tokens N] [--seed S]
    [--backends golden cpu csim rtl] [--lanes B] [--streams N]

With --streams the machine's lanes also hold that many different prompts at once, and each stream
is compared with the same stream alone on the golden model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from pynq_driver import EMBEDDED_MODEL, LanguageModel, Sampling, TritforgeError
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS, open_backend
from pynq_driver.language_model.sampler import Sampler
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image, open_image
from tritforge_cli.machine import library_for

INTEGER_BACKENDS = ("golden", "cpu", "csim", "rtl")
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


@dataclass(frozen=True)
class Run:
    """One generation."""

    tokens: list[int]
    seconds: float
    cycles: int


def open_model(image: Image, backend: str, lanes: int | None) -> LanguageModel:
    """A model on a backend; machines are built if needed."""
    library = None
    if backend in MACHINE_BACKENDS:
        library = library_for(backend, image, lanes=lanes)
    return LanguageModel(image, open_backend(backend, image, library=library))


def generate(
    model: LanguageModel, prompt: str, tokens: int, seed: int, temperature: float, name: str
) -> Run:
    """One generation with a progress bar."""
    generation = model.generate(
        prompt, temperature=temperature, seed=seed, max_tokens=tokens, ignore_end=True
    )
    cycles, started = 0, time.perf_counter()
    with tqdm(total=tokens, desc=name, unit="token", disable=None, leave=False) as bar:
        for _ in generation:
            bar.update(len(generation.tokens) - bar.n)
            if isinstance(model.backend, MachineBackend):
                cycles += model.backend.session.counters.get("cycles", 0)
    return Run(generation.tokens, time.perf_counter() - started, cycles)


def leading(runs: Sequence[Sequence[int]]) -> int:
    """Number of leading tokens on which all runs agree."""
    agreeing = [len(set(choices)) == 1 for choices in zip(*runs)]
    return agreeing.index(False) if False in agreeing else len(agreeing)


def streams_alone(model: LanguageModel, prompts: Sequence[str], tokens: int) -> list[list[int]]:
    """Greedy continuation of every prompt, one after the other."""
    return [generate(model, prompt, tokens, 1, 0.0, "alone").tokens for prompt in prompts]


def streams_together(model: LanguageModel, prompts: Sequence[str], tokens: int) -> list[list[int]]:
    """Greedy continuation of every prompt, each in a lane of its own."""
    assert isinstance(model.backend, MachineBackend)
    lanes = model.backend.lanes(len(prompts))
    end = model.image.header.end_token
    greedy = Sampling(temperature=0)
    choosers = [lanes.chooser(lane, Sampler(greedy, 0, end)) for lane in range(len(prompts))]
    streams: list[list[int]] = [[] for _ in prompts]
    following = [model.encode(prompt) for prompt in prompts]
    for _ in tqdm(range(tokens), desc="together", unit="step", disable=None, leave=False):
        lanes.advance(range(len(prompts)), following)
        following = [[choose()] for choose in choosers]
        for stream, chosen in zip(streams, following):
            stream += chosen
    return streams


def compare_generations(models: dict[str, LanguageModel], options: argparse.Namespace) -> bool:
    """Greedy and sampled on every backend."""
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
    """Different streams in the lanes of one machine."""
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
