# SPDX-License-Identifier: Apache-2.0
"""`python -m training.ivit`."""

from __future__ import annotations

import sys

from tritforge.errors import install_command

if __name__ == "__main__":
    try:
        from training.ivit.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}: {install_command('train')}")
    sys.exit(main())
