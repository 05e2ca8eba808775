# SPDX-License-Identifier: Apache-2.0
"""`tritforge generate`: a prompt in, text out as it appears."""

from __future__ import annotations

import argparse
import sys

from pynq_driver import Generation, LanguageModel
from tritforge.errors import ConfigurationError
from tritforge_cli.arguments import add_model_arguments, load_model
from tritforge_cli.memory import megabytes, peak_memory_bytes
from tritforge_cli.waveform import add_waveform_argument, check_waveform, machine_waveform


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "generate",
        help="continue a prompt",
        description="Continue a prompt. Text goes to standard output as it appears, figures to "
        "standard error. Sampling options default to the model's own.",
    )
    parser.add_argument("prompt", nargs="?", default="", help="text to continue (default: none)")
    add_model_arguments(parser)
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="stop after N tokens; 0: no limit"
    )
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="0 is greedy, higher is more varied (0-100)"
    )
    parser.add_argument("--top-k", type=int, metavar="K", help="keep the K likeliest; 0 keeps all")
    parser.add_argument(
        "--top-p",
        type=float,
        metavar="P",
        help="keep the likeliest with share P of the probability",
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help="same seed, same text (default: random)"
    )
    parser.add_argument(
        "--ignore-end",
        action="store_true",
        help="never choose the end token; go on to --max-tokens",
    )
    parser.add_argument("--quiet", action="store_true", help="print the text alone, no figures")
    parser.add_argument(
        "--ids", action="store_true", help="print the generated token ids on one line, not the text"
    )
    add_waveform_argument(parser, "for --backend rtl: write every signal of the machine")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Stream one generation."""
    if options.waveform is not None:
        if options.backend != "rtl":
            raise ConfigurationError(
                f"--waveform belongs to --backend rtl, not to {options.backend}: leave it out"
            )
        check_waveform(options.waveform)
    model = load_model(options, waveform=options.waveform is not None)
    generation = model.generate(
        options.prompt,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        ignore_end=options.ignore_end,
    )
    interrupted = False
    try:
        with machine_waveform(model.backend, options.waveform):
            _print_text(generation, "" if options.ids else options.prompt, not options.ids)
    except KeyboardInterrupt:
        interrupted = True
    if options.ids:
        print(*generation.tokens)
    else:
        print()
    if not options.quiet:
        _print_figures(model, generation, options)
    return 130 if interrupted else 0


def _print_text(generation: Generation, prompt: str, visible: bool) -> None:
    if visible:
        print(prompt, end="", flush=True)
    for piece in generation:
        if visible:
            print(piece, end="", flush=True)


def _print_figures(
    model: LanguageModel, generation: Generation, options: argparse.Namespace
) -> None:
    figures, image = generation.statistics, model.image
    saturations = generation.saturations()
    saturated = sum(saturations.values())
    rows = (
        ("prompt", figures.prompt_tokens, figures.prompt_tokens_per_second),
        ("decode", figures.generated_tokens, figures.decode_tokens_per_second),
    )
    lines = [f"[{image.header.name}, backend {options.backend}, seed {generation.seed}]"]
    lines += [f"{name}  {count:5d} tokens  {speed:9.1f} tokens/s" for name, count, speed in rows]
    lines.append(
        f"memory  {megabytes(peak_memory_bytes())} peak, image {megabytes(image.file_bytes)}"
    )
    if saturated:
        lines.append(f"warning: {saturated} values saturated: {dict(saturations)}")
    print("\n" + "\n".join(lines), file=sys.stderr)
