# SPDX-License-Identifier: Apache-2.0
"""Opening a backend by name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from pynq_driver.language_model.backends.base import Backend
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image

BACKEND_NAMES = ("cpu", "golden", "float", "csim", "rtl", "pynq", "mpi")
#: Backends that need a machine compiled to a shared library.
MACHINE_BACKENDS = ("csim", "rtl")
#: The backend that needs an overlay.
BOARD_BACKEND = "pynq"
#: The backend of several boards, in the processes of `mpirun`.
PIPELINE_BACKEND = "mpi"


@dataclass(frozen=True)
class CompiledLibrary:
    """A machine that was built for a backend of MACHINE_BACKENDS.

    Attributes:
        path: shared library.
        config: what it was generated from.
    """

    path: Path
    config: AcceleratorConfig


def _resident(image: Image) -> Image:
    """The image with a copy of what is read again with every token.

    A view of the mapped file would end the process (SIGBUS) if the file became shorter.
    """
    values = image.float_values
    return dataclasses.replace(
        image,
        embedding=image.embedding.copy(),
        parameter_stream=image.parameter_stream.copy(),
        float_values=None if values is None else values.copy(),
    )


def open_backend(
    name: str,
    image: Image,
    threads: int | None = None,
    library: CompiledLibrary | None = None,
    overlay: Path | None = None,
) -> Backend:
    """Backend `name` on `image`.

    Args:
        threads: processors to use, for `cpu` and `mpi`; default: all this process may use.
        library: the machine, for `csim` and `rtl`.
        overlay: folder of the overlay, for `pynq`; default: see `find_overlay`.

    Raises:
        ConfigurationError: unknown name.
        TritforgeError: the backend cannot run here, or not on this image.
    """
    # Imported late: a board without the C++ engine still runs the others.
    if name == "cpu":
        from pynq_driver.language_model.backends.cpu import CpuBackend

        return CpuBackend(image, threads)
    if name == PIPELINE_BACKEND:
        from pynq_driver.language_model.pipeline.opening import open_pipeline

        return open_pipeline(image, threads)
    if name in BACKEND_NAMES:
        image = _resident(image)
    if name == "golden":
        from pynq_driver.language_model.backends.reference import golden_backend

        return golden_backend(image)
    if name == "float":
        from pynq_driver.language_model.backends.reference import float_backend

        return float_backend(image)
    if name in MACHINE_BACKENDS:
        if library is None:
            raise ConfigurationError(
                f"backend {name} needs a compiled machine: `tritforge generate --backend {name}` "
                "builds one, from Python codegen.machine.rtl_library and csim_library do"
            )
        from pynq_driver.devices.compiled import CompiledMachine
        from pynq_driver.language_model.backends.machine import MachineBackend

        return MachineBackend(image, CompiledMachine(library.path), library.config)
    if name == BOARD_BACKEND:
        from pynq_driver.language_model.backends.board import board_backend

        return board_backend(image, overlay)
    raise ConfigurationError(
        f"backend {name!r} is unknown: choose one of {', '.join(BACKEND_NAMES)}"
    )
