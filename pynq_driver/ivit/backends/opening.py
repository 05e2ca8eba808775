# SPDX-License-Identifier: Apache-2.0
"""Opening a backend of a vision transformer by name."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from pynq_driver.ivit.backends.base import VisionBackend
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.image import VisionImage
from tritforge.ivit.machine.config import MachineConfig

#: `auto` is the engine where it was built, else the golden model.
AUTOMATIC = "auto"
VISION_BACKEND_NAMES = (AUTOMATIC, "cpu", "golden", "float", "csim", "rtl")
#: Backends that need a machine compiled to a shared library.
VISION_MACHINE_BACKENDS = ("csim", "rtl")
_ENGINE = "pynq_driver._engine"
_CPU = "pynq_driver.ivit.backends.cpu"


@dataclass(frozen=True)
class CompiledVisionMachine:
    """A machine that was built for a backend of VISION_MACHINE_BACKENDS.

    Attributes:
        path: shared library.
        config: what it was generated from.
    """

    path: Path
    config: MachineConfig


def has_vision_engine() -> bool:
    """Whether the C++ engine was built and runs vision transformers."""
    if importlib.util.find_spec(_ENGINE) is None or importlib.util.find_spec(_CPU) is None:
        return False
    return hasattr(importlib.import_module(_ENGINE), "VisionEngine")


def open_vision_backend(
    name: str,
    image: VisionImage,
    threads: int | None = None,
    library: CompiledVisionMachine | None = None,
) -> VisionBackend:
    """Backend `name` on `image`.

    Args:
        threads: processors to use, for `cpu`; default: all this process may use.
        library: the machine, for `csim` and `rtl`.

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
    if name in VISION_MACHINE_BACKENDS:
        return _machine_backend(name, image, library)
    # Imported late: the engine runs without them.
    from pynq_driver.ivit.backends import reference

    if name == "golden":
        return reference.GoldenVisionBackend(image)
    if name == "float":
        return reference.FloatVisionBackend(image)
    raise ConfigurationError(
        f"backend {name!r} is unknown: choose one of {', '.join(VISION_BACKEND_NAMES)}"
    )


def _machine_backend(
    name: str, image: VisionImage, library: CompiledVisionMachine | None
) -> VisionBackend:
    if library is None:
        raise ConfigurationError(
            f"backend {name} needs a compiled machine: `tritforge classify --backend {name}` "
            "builds one, from Python codegen.machine.rtl_library and csim_library do"
        )
    from pynq_driver.devices.compiled import CompiledMachine
    from pynq_driver.ivit.backends.machine import MachineVisionBackend

    device = CompiledMachine(library.path)
    return MachineVisionBackend(name, image.parameters, device, library.config)
