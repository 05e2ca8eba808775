# SPDX-License-Identifier: Apache-2.0
"""`python -m tritforge`: the command, where its script is not on the path."""

import sys

from tritforge_cli.main import main

sys.exit(main())
