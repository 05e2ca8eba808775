# SPDX-License-Identifier: Apache-2.0
"""`python -m training.language_model`: the same as `tritforge train`, for `torchrun -m`."""

import sys

from tritforge_cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
