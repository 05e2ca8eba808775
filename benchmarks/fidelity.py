# SPDX-License-Identifier: Apache-2.0
"""Fidelity of the integer model to the float reference: cross-entropy, greedy choices, codes.

python benchmarks/fidelity.py [--text FILE] [--model IMAGE] [--checkpoint DIR]
    [--isolation site|block] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from pynq_driver import EMBEDDED_MODEL, TritforgeError
from pynq_driver.language_model.evaluation import split_documents
from pynq_driver.language_model.model import load_language_model
from testing.repository import ROOT
from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.fidelity import Fidelity, Isolation, measure_fidelity
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.reference import FloatModel

HELD_OUT_TEXT = ROOT / "tests" / "data" / "held_out_stories.txt"


def measure(
    image: Path,
    text: str,
    isolation: Isolation,
    checkpoint: Path | None = None,
    show_progress: bool = False,
) -> Fidelity:
    """Fidelity of `image` on `text`; the reference is the image's float section or `checkpoint`."""
    model = load_language_model(image, "golden")
    reference = float_model(checkpoint) if checkpoint else FloatModel.from_image(model.image)
    end = model.image.header.end_token
    documents = [[*model.encode(document), end] for document in split_documents(text)]
    with tqdm(unit="token", desc="fidelity", disable=None if show_progress else True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return measure_fidelity(
            GoldenModel(model.image), reference, documents, isolation, progress=show
        )


def report(result: Fidelity) -> dict[str, object]:
    """Figures of one measurement, JSON-able."""
    return {
        "tokens": result.tokens,
        "float_nats_per_token": result.reference_nats,
        "integer_nats_per_token": result.integer_nats,
        "relative_difference": result.integer_nats / result.reference_nats - 1,
        "greedy_agreement": result.greedy_agreement,
        "code_agreement": {name: site.share_equal for name, site in result.sites.items()},
        "codes_off_by_more_than_one": {
            name: site.off_by_more_than_one for name, site in result.sites.items()
        },
        "saturations": dict(result.saturations),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=HELD_OUT_TEXT, help="default: %(default)s")
    parser.add_argument("--model", type=Path, default=EMBEDDED_MODEL, help="image, with floats")
    parser.add_argument("--checkpoint", type=Path, help="take the float reference from here")
    parser.add_argument(
        "--isolation",
        choices=[item.value for item in Isolation],
        default=Isolation.SITE.value,
        help="inject the reference's values before each block, or before each quantisation site "
        "(default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        text = options.text.read_text(encoding="utf-8")
        isolation = Isolation(options.isolation)
        figures = report(measure(options.model, text, isolation, options.checkpoint, True))
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(figures, indent=2))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            for site, share in value.items():
                print(f"{name:<28}{site:<12}{share:.6g}")
        else:
            print(f"{name:<28}{value:.6g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
