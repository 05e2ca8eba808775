# SPDX-License-Identifier: Apache-2.0
"""What `pip install tritforge` finds on a PYNQ-Z2: a wheel for each package, or a substitute.

python -m benchmarks.board_packages [--extras serve vision]

How it is found out: testing/board_packages.py.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence

from testing.board_packages import OWN, pip_finds, resolve, table


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a package has neither wheel nor substitute."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--extras", nargs="*", default=[], metavar="NAME", help="extras of Tritforge, as serve"
    )
    options = parser.parse_args(argv)
    roots = importlib.metadata.requires(OWN) or []
    known = {
        name.lower() for name in importlib.metadata.metadata(OWN).get_all("Provides-Extra", [])
    }
    for name in options.extras:
        if name not in known:
            parser.error(f"--extras {name}: choose from {', '.join(sorted(known))}")
    packages = resolve(roots, options.extras, pip_finds)
    print(table(packages))
    return int(not all(item.is_settled for item in packages))


if __name__ == "__main__":
    sys.exit(main())
