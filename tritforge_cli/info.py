# SPDX-License-Identifier: Apache-2.0
"""`tritforge info`: what a model image holds, and with --system what runs it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from pynq_driver import EMBEDDED_MODEL
from pynq_driver.loading import is_vision_model
from tritforge.ivit.image import open_vision_image
from tritforge.language_model.image import LANGUAGE_MODEL, Image, open_image
from tritforge_cli.arguments import add_json_argument, print_json
from tritforge_cli.ivit.info import vision_lines, vision_mapping
from tritforge_cli.memory import megabytes
from tritforge_cli.system import system_lines, system_mapping


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "info",
        help="describe a model image",
        description="Check a model image completely and describe it.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="model image (default: the embedded story model)"
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="describe this installation instead: versions, processor, kernels, hash of the image; "
        "for reports of faults",
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Open, check, print."""
    path = options.file or EMBEDDED_MODEL
    is_vision = is_vision_model(path)
    image = open_vision_image(path) if is_vision else open_image(path)
    if options.system:
        values = system_mapping(image)
        lines = system_lines(values)
    elif isinstance(image, Image):
        values, lines = _mapping(image), _lines(image)
    else:
        values, lines = vision_mapping(image), vision_lines(image)
    if options.json:
        print_json(values)
        return 0
    for name, value in lines:
        print(f"{name:<27} {value}")
    return 0


def _weight_bits(image: Image) -> float:
    return 8 * image.sections["weights"].bytes / image.header.shape.ternary_weights


def _mapping(image: Image) -> dict[str, object]:
    return {
        "path": str(image.path),
        "format_version": image.format_version,
        "kind": LANGUAGE_MODEL.name,
        "file_bytes": image.file_bytes,
        **image.header.to_mapping(),
        "ternary_weights": image.header.shape.ternary_weights,
        "bits_per_ternary_weight": _weight_bits(image),
        "sections": {name: asdict(item) for name, item in image.sections.items()},
    }


def _lines(image: Image) -> list[tuple[str, str]]:
    header, shape, sampling = image.header, image.header.shape, image.header.sampling
    token_bytes = image.sections["weights"].bytes + image.sections["parameters"].bytes
    ends = ", ".join(map(str, header.end_tokens))
    rows = [
        ("image", f"{image.path} (format {image.format_version}, all hashes good)"),
        ("kind", LANGUAGE_MODEL.name),
        ("model", header.name),
        ("dim", f"{shape.dim}"),
        ("layers", f"{shape.layers}"),
        ("GLU width", f"{shape.glu_width}"),
        ("vocabulary", f"{shape.vocabulary}, begin {header.begin_token}, end {ends}"),
        ("ternary weights", f"{shape.ternary_weights:,} at {_weight_bits(image):.4f} bits"),
        ("embedding", f"{header.embedding_type}"),
        (
            "epsilon of the norms",
            f"{header.epsilons.norm:g}, inside BitLinears {header.epsilons.linear:g}",
        ),
        ("residual stream", f"{header.residual_fraction} fraction bits"),
        ("rows per beat", f"{header.rows_per_beat} ({header.rows_per_beat // 8} ports of 64 bits)"),
        ("bytes per token", f"{token_bytes:,} (weights and parameters)"),
        (
            "sampling",
            f"temperature {sampling.temperature:g}, top-k {sampling.top_k}, "
            f"top-p {sampling.top_p:g}, at most {sampling.max_tokens} tokens",
        ),
    ]
    rows += [(f"section {name}", megabytes(item.bytes)) for name, item in image.sections.items()]
    rows += [("file", f"{megabytes(image.file_bytes)}")]
    rows += [(f"source {name}", text) for name, text in header.source.items()]
    return rows
