# SPDX-License-Identifier: Apache-2.0
"""Seeded faults of the open flow, each of which a test must catch.

python -m benchmarks.open_flow_faults [--only TEXT] [--json]

The faults: testing/faults/open_flow.py. How they are tried: benchmarks/seeded_faults.py.
"""

from __future__ import annotations

import sys

from benchmarks.seeded_faults import main
from testing.faults.open_flow import FAULTS

if __name__ == "__main__":
    sys.exit(main("open_flow_faults", FAULTS))
