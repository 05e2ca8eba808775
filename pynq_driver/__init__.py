# SPDX-License-Identifier: Apache-2.0
"""Tritforge driver: run a model image on a CPU, on the golden model, or (later) on a board.

from pynq_driver import load
model = load()
for piece in model.generate("Once upon a time", seed=1): print(piece, end="", flush=True)

load("deit.tritforge").classify("cat.jpg").label
"""

from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.backends.opening import BACKEND_NAMES, CompiledLibrary
from pynq_driver.language_model.evaluation import Evaluation
from pynq_driver.language_model.model import (
    EMBEDDED_MODEL,
    Generation,
    GenerationStatistics,
    LanguageModel,
)
from pynq_driver.language_model.scores import Scores
from pynq_driver.loading import load
from tritforge.errors import TritforgeError
from tritforge.language_model.image_header import Sampling

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
