# SPDX-License-Identifier: Apache-2.0
"""A generation with `mpirun` in which one board gets a signal: dying_board.py SIGNAL RANK."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from pynq_driver import EMBEDDED_MODEL, LanguageModel
from pynq_driver.language_model.pipeline.cpu_part import CpuPart
from pynq_driver.language_model.pipeline.opening import open_pipeline
from pynq_driver.language_model.pipeline.ranks import MpiRanks
from tritforge.errors import TritforgeError
from tritforge.language_model.image import open_image

_TOKENS_BEFORE = 5


class DyingPart(CpuPart):
    """Works a little while."""

    def run(self, *given: Any) -> Any:
        self._count = getattr(self, "_count", 0) + 1
        if self._count > _TOKENS_BEFORE:
            os.kill(os.getpid(), signal.Signals[sys.argv[1]])
        return super().run(*given)


def main() -> int:
    """As `tritforge generate` does it."""
    ranks = MpiRanks()
    part = DyingPart if ranks.rank == int(sys.argv[2]) else CpuPart
    image = open_image(EMBEDDED_MODEL)
    model = LanguageModel(image, open_pipeline(image, 1, ranks, part))
    try:
        for piece in model.generate("Once", seed=1, max_tokens=20):
            print(piece, end="", flush=True)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
