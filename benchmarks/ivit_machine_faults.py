# SPDX-License-Identifier: Apache-2.0
"""Seeded faults of the whole I-ViT machine, each of which a test must catch.

python -m benchmarks.ivit_machine_faults [--only TEXT] [--json]

The faults: testing/faults/ivit_whole_machine.py. How they are tried: benchmarks/seeded_faults.py.
"""

from __future__ import annotations

import sys

from benchmarks.seeded_faults import main
from testing.faults.ivit_whole_machine import FAULTS

if __name__ == "__main__":
    sys.exit(main("ivit_machine_faults", FAULTS))
