# SPDX-License-Identifier: Apache-2.0
"""`python -m training.stories`: a text file of stories to train on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from pynq_driver.language_model.evaluation import DOCUMENT_SEPARATOR
from training.stories.story import draw_story
from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text

#: Words of the shortest story kept.
SHORTEST = 45
_MOST = 10_000_000


def stories(first_seed: int, count: int) -> Iterator[str]:
    """Different stories of at least `SHORTEST` words, from seeds `first_seed` up.

    Raises:
        TritforgeError: nearly all seeds give stories that were there before.
    """
    seen: set[str] = set()
    seed = first_seed
    while len(seen) < count:
        if seed - first_seed > 10 * count + 1000:
            raise TritforgeError(f"the grammar has no {count} different stories: ask for fewer")
        text = draw_story(seed).text
        seed += 1
        if text not in seen and len(text.split()) >= SHORTEST:
            seen.add(text)
            yield text


def main(arguments: list[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m training.stories",
        description="Write short stories in simple English, for `tritforge train`: a grammar of "
        "plots and phrases draws each from its seed, so that the same command writes the same "
        "file. The stories may be used like this project's code (Apache-2.0).",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="text file")
    parser.add_argument("--count", type=int, default=20_000, help="stories (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the first story (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.count <= _MOST:
        parser.error(f"--count {options.count}: give a number from 1 to {_MOST}")
    if options.seed < 0:
        parser.error(f"--seed {options.seed}: give 0 or more")
    bar = tqdm(stories(options.seed, options.count), total=options.count, unit="story")
    try:
        text = f"\n{DOCUMENT_SEPARATOR}\n".join(bar)
        write_whole_text(options.out, text + "\n")
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {options.count} stories, {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
