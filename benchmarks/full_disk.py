# SPDX-License-Identifier: Apache-2.0
"""A disk that fills at random points of the commands that write: `python -m benchmarks.full_disk`.

`convert`, `generate > file`, `rtl` (also with its cache on the disk) and `gen.py` run on a tmpfs
with a random number of free pages below what they need. Each must end with one line that says so,
leave the output as it was (or, where the shell writes it, a beginning of it) and no file beside.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from testing.full_disk import (
    NAMESPACE,
    Command,
    check_point,
    choose_points,
    may_mount,
    measure,
    mount_disk,
    python_module,
    unmount_disk,
)
from testing.random_model import SMALL_SHAPE
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.whole_file import write_whole_text

_INSIDE = "TRITFORGE_FULL_DISK"
_UNIT = ("--model", "ivit", "--units", "shiftmax", "--row", "16")


def commands(folder: Path) -> list[Command]:
    """What runs; `folder` is on another disk and holds inputs."""
    checkpoint, prompt = folder / "checkpoint", folder / "prompt.txt"
    write_random_checkpoint(checkpoint, SMALL_SHAPE, 1)
    write_whole_text(prompt, "Once upon a time there was a fox. " * 120)
    story = ("generate", "--seed", "1", "--max-tokens", "64", "--quiet", "--prompt-file")
    return [
        Command(
            "convert",
            lambda out: python_module("tritforge", "convert", str(checkpoint), "-o", str(out)),
        ),
        Command(
            "gen.py",
            lambda out: python_module("codegen.gen", *_UNIT, "--quiet", "--out", str(out)),
        ),
        Command(
            "generate > file",
            lambda out: [
                "sh",
                "-c",
                'exec "$@" > "$0"',
                str(out),
                *python_module("tritforge", *story, str(prompt)),
            ],
            keeps_part=True,
        ),
        Command(
            "rtl",
            lambda out: python_module("tritforge", "rtl", *_UNIT, "--out", str(out)),
            in_steps=True,
        ),
        Command(
            "rtl, empty cache",
            lambda out: python_module("tritforge", "rtl", *_UNIT, "--out", str(out)),
            in_steps=True,
            cache=True,
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if a command does not bear a full disk."""
    parser = argparse.ArgumentParser(prog="full_disk", description=__doc__)
    parser.add_argument("--points", type=int, default=50, help="in all (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="of the points (default: 1)")
    parser.add_argument("--only", default="", help="commands whose name contains this text")
    arguments = parser.parse_args(argv)
    if arguments.points < 1:
        parser.exit(2, "full_disk: error: --points is at least 1\n")
    if _INSIDE not in os.environ:
        if not may_mount():
            parser.exit(2, "full_disk: error: this system lets no process mount a disk (unshare)\n")
        given = sys.argv[1:] if argv is None else list(argv)
        os.environ[_INSIDE] = "1"
        os.execvp(NAMESPACE[0], [*NAMESPACE, *python_module("benchmarks.full_disk", *given)])
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="full_disk_") as name:
        folder, disk = Path(name), Path(name) / "disk"
        disk.mkdir()
        mount_disk(disk)
        chosen = [item for item in commands(folder) if arguments.only in item.name]
        if not chosen:
            parser.exit(2, f"full_disk: error: no command contains {arguments.only!r}\n")
        found = {item: measure(item, disk) for item in chosen}
        needs = [(item, pages) for item, (pages, _) in found.items()]
        points = choose_points(random.Random(arguments.seed), needs, arguments.points)
        for point in tqdm(points, unit="point", disable=None, leave=False):
            fault = check_point(point, disk, found[point.command][1])
            wrong += bool(fault)
            old = ", over an old output" if point.old and not point.command.keeps_part else ""
            what = f"{point.command.name:18}{point.free_pages:>7} pages free{old}"
            tqdm.write(f"{what}: {fault or 'well'}")
        unmount_disk(disk)
    print(f"{len(points)} points: {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
