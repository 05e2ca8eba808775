# SPDX-License-Identifier: Apache-2.0
"""`tritforge info` for images of kind `ivit`."""

from __future__ import annotations

from dataclasses import asdict

from tritforge.ivit.image import IVIT, VisionImage
from tritforge_cli.memory import megabytes

_LABELS_SHOWN = 12


def vision_mapping(image: VisionImage) -> dict[str, object]:
    """Everything, as JSON can hold it."""
    shape = image.header.shape
    return {
        "path": str(image.path),
        "format_version": image.format_version,
        "kind": IVIT.name,
        "file_bytes": image.file_bytes,
        **image.header.to_mapping(),
        "weights": shape.weights,
        "multiply_adds": shape.multiply_adds,
        "sections": {name: asdict(item) for name, item in image.sections.items()},
    }


def vision_lines(image: VisionImage) -> list[tuple[str, str]]:
    """Name and text of every fact about an image, one pair per line."""
    header, shape, widths = image.header, image.header.shape, image.header.widths
    how, labels = header.preprocessing, header.labels
    shown = ", ".join(labels[:_LABELS_SHOWN]) + (" ..." if len(labels) > _LABELS_SHOWN else "")
    numbers = (", ".join(f"{item:g}" for item in values) for values in (how.mean, how.std))
    ground = ", light on dark" if how.light_on_dark else ""
    rows = [
        ("image", f"{image.path} (format {image.format_version}, all hashes good)"),
        ("kind", IVIT.name),
        ("model", header.name),
        (
            "pictures",
            f"{shape.image_size} x {shape.image_size}, {shape.channels} colours, patches of "
            f"{shape.patch_size} x {shape.patch_size}",
        ),
        ("dim", f"{shape.dim}"),
        ("heads", f"{shape.heads}"),
        ("layers", f"{shape.layers}"),
        ("hidden", f"{shape.hidden}"),
        ("classes", f"{shape.classes}: {shown}"),
        ("weights", f"{shape.weights:,}, {header.weight_format}"),
        ("multiply-adds", f"{shape.multiply_adds:,} per picture"),
        (
            "widths",
            f"activations {widths.activation}, residual {widths.residual}, probabilities "
            f"{widths.probability}, multipliers {widths.multiplier} bits",
        ),
        ("preprocessing", "mean {}, std {}, crop {:g}{}".format(*numbers, how.crop, ground)),
    ]
    rows += [(f"section {name}", megabytes(item.bytes)) for name, item in image.sections.items()]
    rows += [("file", megabytes(image.file_bytes))]
    rows += [(f"source {name}", text) for name, text in header.source.items()]
    return rows
