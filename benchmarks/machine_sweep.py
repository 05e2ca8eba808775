# SPDX-License-Identifier: Apache-2.0
"""Sweep of the generator's parameters: every machine against the golden model.

python -m benchmarks.machine_sweep [--only TEXT] [--rtl]

Every number of ports with every number of lanes, dims from 64 to 2560, rows that are no multiple of
the beat and inputs that are no multiple of five. Each configuration is generated, compiled as
C-simulation and runs a random model of one layer; all output and result words of random runs are
compared with the golden model. With --rtl the sample of RTL_CASES is built as Verilated RTL too.
"""

from __future__ import annotations

import argparse
import sys
import time

from tqdm import tqdm

from testing.machine_robustness import WrongResultError
from testing.machine_sweep import CASES, RTL_CASES, run_case
from tritforge.errors import TritforgeError


def main() -> int:
    """Every case; exit status 1 if one is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--rtl", action="store_true", help="also the sample as Verilated RTL")
    options = parser.parse_args()
    work = [("csim", case) for case in CASES]
    work += [("rtl", case) for case in RTL_CASES if options.rtl]
    work = [(backend, case) for backend, case in work if options.only in case.name]
    wrong = 0
    for backend, case in tqdm(work, unit="case", disable=None):
        started = time.perf_counter()
        try:
            run_case(case, backend)
            outcome = "equal"
        except (WrongResultError, TritforgeError) as error:
            outcome, wrong = f"WRONG: {error}", wrong + 1
        tqdm.write(f"{backend}  {case.name:<40}{outcome}  ({time.perf_counter() - started:.0f} s)")
    print(f"{len(work) - wrong} of {len(work)} equal the golden model")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
