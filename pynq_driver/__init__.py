# SPDX-License-Identifier: Apache-2.0
"""Tritforge driver: run a model image on a CPU, on the golden model, or (later) on a board.

from pynq_driver import load
model = load()
for piece in model.generate("Once upon a time", seed=1): print(piece, end="", flush=True)
"""

from pynq_driver.backends import BACKEND_NAMES, Backend, CompiledLibrary, Scores
from pynq_driver.evaluation import Evaluation
from pynq_driver.language_model import (
    EMBEDDED_MODEL,
    Generation,
    GenerationStatistics,
    LanguageModel,
    load,
)
from tritforge.errors import TritforgeError
from tritforge.image import Sampling

__all__ = [
    "BACKEND_NAMES",
    "EMBEDDED_MODEL",
    "Backend",
    "CompiledLibrary",
    "Evaluation",
    "Generation",
    "GenerationStatistics",
    "LanguageModel",
    "Sampling",
    "Scores",
    "TritforgeError",
    "load",
]
