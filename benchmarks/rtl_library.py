# SPDX-License-Identifier: Apache-2.0
"""Size of the hand-written SystemVerilog modules, as an estimate by yosys.

    python -m benchmarks.rtl_library            # print the table
    python -m benchmarks.rtl_library --check    # fail if docs/rtl-library.md has other numbers

`synth_xilinx -family xc7 -abc9` is another synthesiser than the vendor's and knows no placement:
the numbers compare designs and feed budgets, they are no result of Vivado.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from testing.rtl_library import DOCUMENT, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or compare it with the document."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help=f"compare with {DOCUMENT.name}")
    options = parser.parse_args(arguments)
    text = table()
    print(text)
    if options.check and text not in DOCUMENT.read_text(encoding="utf-8"):
        print(f"error: {DOCUMENT} has another table: copy this one", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
