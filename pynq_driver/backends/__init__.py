# SPDX-License-Identifier: Apache-2.0
"""Backends: what executes a model image, behind one interface.

The integer backends give the same scores bit for bit; `float` is the reference of the paper's
equations.
"""

from pynq_driver.backends.base import (
    BACKEND_NAMES,
    MACHINE_BACKENDS,
    Backend,
    CompiledLibrary,
    Lanes,
    Scores,
    open_backend,
)

__all__ = [
    "BACKEND_NAMES",
    "MACHINE_BACKENDS",
    "Backend",
    "CompiledLibrary",
    "Lanes",
    "Scores",
    "open_backend",
]
