# SPDX-License-Identifier: Apache-2.0
"""Opening a model image of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from pynq_driver.language_model.backends.automatic import AUTOMATIC
from pynq_driver.language_model.backends.opening import CompiledLibrary
from pynq_driver.language_model.model import LanguageModel, load_language_model
from tritforge.container.reading import container_kind
from tritforge.errors import ConfigurationError

if TYPE_CHECKING:
    from pynq_driver.ivit.model import VisionModel


@overload
def load(
    path: None = None,
    backend: str | None = None,
    threads: int | None = None,
    library: CompiledLibrary | None = None,
    overlay: Path | None = None,
) -> LanguageModel: ...


@overload
def load(
    path: Path | str,
    backend: str | None = None,
    threads: int | None = None,
    library: CompiledLibrary | None = None,
    overlay: Path | None = None,
) -> LanguageModel | VisionModel: ...


def load(
    path: Path | str | None = None,
    backend: str | None = None,
    threads: int | None = None,
    library: CompiledLibrary | None = None,
    overlay: Path | None = None,
) -> LanguageModel | VisionModel:
    """Open a model image (default: the embedded story model) on a backend.

    Args:
        path: a `.tritforge` file; its header says whether it holds a language model or a vision
            transformer.
        backend: `auto` (default) is the best one that is present. Of a language model `cpu`,
            `golden`, `float`, `csim`, `rtl` or `pynq`; of a vision model `cpu`, `golden` or
            `float`.
        threads: for `cpu`; default: cores of one NUMA node that this process may use.
        library: compiled machine for `csim` and `rtl`, as `codegen.machine.csim_library` and
            `codegen.machine.rtl_library` build them.
        overlay: folder of the overlay for `pynq`; default: see `find_overlay`.

    Raises:
        TritforgeError: the file or the backend cannot be used; the message says why.
    """
    # Imported late: a language model runs without the modules of the other kind.
    if path is not None and is_vision_model(Path(path)):
        from pynq_driver.ivit.model import load_vision

        for name, value in (("library", library), ("overlay", overlay)):
            if value is not None:
                raise ConfigurationError(f"vision models run on no machine: leave {name} out")
        return load_vision(path, backend or AUTOMATIC, threads)
    return load_language_model(path, backend or AUTOMATIC, threads, library, overlay)


def is_vision_model(path: Path) -> bool:
    """Whether a file says that it holds a vision model.

    Raises:
        ImageError: it is no model image.
    """
    from tritforge.ivit.image import IVIT

    return container_kind(path) == IVIT.name
