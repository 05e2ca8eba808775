# SPDX-License-Identifier: Apache-2.0
"""Opening a backend of a vision transformer by name."""

from __future__ import annotations

import importlib
import importlib.util

from pynq_driver.ivit.backends.base import VisionBackend
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.image import VisionImage

#: `auto` is the engine where it was built, else the golden model.
AUTOMATIC = "auto"
VISION_BACKEND_NAMES = (AUTOMATIC, "cpu", "golden", "float")
_ENGINE = "pynq_driver._engine"
_CPU = "pynq_driver.ivit.backends.cpu"


def has_vision_engine() -> bool:
    """Whether the C++ engine was built and runs vision transformers."""
    if importlib.util.find_spec(_ENGINE) is None or importlib.util.find_spec(_CPU) is None:
        return False
    return hasattr(importlib.import_module(_ENGINE), "VisionEngine")


def open_vision_backend(name: str, image: VisionImage, threads: int | None = None) -> VisionBackend:
    """Backend `name` on `image`.

    Args:
        threads: processors to use, for `cpu`; default: all this process may use.

    Raises:
        ConfigurationError: unknown name, or threads for a backend that has none.
        TritforgeError: the backend cannot run here, or not on this image.
    """
    if name == AUTOMATIC:
        name = "cpu" if has_vision_engine() else "golden"
    elif threads is not None and name != "cpu":
        raise ConfigurationError(f"threads belong to backend cpu, not to {name}: leave them out")
    if name == "cpu":
        if not has_vision_engine():
            raise TritforgeError(
                "backend cpu: the C++ engine for vision transformers is not built here; "
                "use the backend golden, which gives the same integers"
            )
        backend: VisionBackend = importlib.import_module(_CPU).CpuVisionBackend(
            image.parameters, threads
        )
        return backend
    # Imported late: the engine runs without them.
    from pynq_driver.ivit.backends import reference

    if name == "golden":
        return reference.GoldenVisionBackend(image)
    if name == "float":
        return reference.FloatVisionBackend(image)
    raise ConfigurationError(
        f"backend {name!r} is unknown: choose one of {', '.join(VISION_BACKEND_NAMES)}"
    )
