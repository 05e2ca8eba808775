# SPDX-License-Identifier: Apache-2.0
"""`python -m training.ivit`."""

from __future__ import annotations

import sys

from training.ivit.cli import main

if __name__ == "__main__":
    sys.exit(main())
