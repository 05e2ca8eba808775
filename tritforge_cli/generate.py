# SPDX-License-Identifier: Apache-2.0
"""`tritforge generate`: a prompt in, text out as it appears."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pynq_driver import Generation, LanguageModel
from tritforge.errors import ConfigurationError
from tritforge_cli.arguments import (
    STANDARD_INPUT,
    add_model_arguments,
    foreign_option,
    load_model,
    read_text,
)
from tritforge_cli.memory import megabytes, peak_memory_bytes
from tritforge_cli.waveform import add_waveform_argument, check_waveform, machine_waveform


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "generate",
        help="continue a prompt",
        description="Continue a prompt. Text goes to standard output as it appears, figures to "
        "standard error. Sampling options default to the model's own.",
        epilog="A prompt that begins with - goes last, behind --: tritforge generate --quiet -- "
        "'-1 is'. The last line break of a file or of standard input is not part of the prompt.",
    )
    parser.add_argument(
        "prompt", nargs="?", help="text to continue (default: none); -: from standard input"
    )
    parser.add_argument(
        "--prompt-file", type=Path, metavar="FILE", help="read the prompt from a UTF-8 file"
    )
    parser.add_argument(
        "--special-tokens",
        action="store_true",
        help="names of special tokens in the prompt, such as </s>, are these tokens, not text",
    )
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
            raise foreign_option("waveform", "rtl", options.backend)
        check_waveform(options.waveform)
    prompt = _prompt(options)
    model = load_model(options, waveform=options.waveform is not None)
    generation = model.generate(
        prompt,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        ignore_end=options.ignore_end,
        special_tokens=options.special_tokens,
    )
    interrupted = False
    try:
        with machine_waveform(model.backend, options.waveform):
            _print_text(generation, "" if options.ids else prompt, not options.ids)
    except KeyboardInterrupt:
        interrupted = True
    if options.ids:
        print(*generation.tokens)
    else:
        print()
    if not options.quiet:
        _print_figures(model, generation, options)
    return 130 if interrupted else 0


def _prompt(options: argparse.Namespace) -> str:
    """The prompt, from wherever the options say.

    Raises:
        TritforgeError: a file cannot be read.
    """
    if options.prompt_file is not None and options.prompt is not None:
        raise ConfigurationError("there is a prompt and a --prompt-file: leave one of them out")
    if options.prompt_file is None and options.prompt != STANDARD_INPUT:
        return options.prompt or ""
    text = read_text(options.prompt_file or Path(STANDARD_INPUT))
    return text.removesuffix("\n")


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
