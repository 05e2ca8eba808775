# SPDX-License-Identifier: Apache-2.0
"""The C++ engine as a module, or an error that says what to do without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritforge.errors import TritforgeError

if TYPE_CHECKING:
    from types import ModuleType


def native_engine() -> ModuleType:
    """The extension module `pynq_driver._engine`.

    Raises:
        TritforgeError: it is not installed.
    """
    try:
        from pynq_driver import _engine
    except ImportError as error:
        raise TritforgeError(
            f"the C++ engine is not installed ({error}): install a wheel built with a C++ "
            "compiler, or use --backend golden"
        ) from None
    return _engine
