# SPDX-License-Identifier: Apache-2.0
"""Whether the packages beside this one are Tritforge's: their import names are not unique.

PyPI has another package called `codegen`, and a folder of that name may lie in the current
folder. Without this check the command would fail somewhere inside with an ImportError.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tritforge.errors import TritforgeError

#: Import names that the commands use, besides `tritforge` and this package.
SHARED_NAMES = ("codegen", "pynq_driver")
_ROOT = Path(__file__).resolve().parent.parent


def check_shadowing() -> None:
    """Check that every package of Tritforge is the one beside this package.

    Raises:
        TritforgeError: names the file that shadows a package, and the remedy.
    """
    for name in SHARED_NAMES:
        expected = _ROOT / name / "__init__.py"
        found = _location(name)
        if found is None:
            raise TritforgeError(
                f"the package {name} is missing: {expected} is not on Python's path; "
                "install Tritforge again"
            )
        if found != expected:
            raise TritforgeError(
                f"another package called {name} shadows Tritforge's: Python finds {found}, not "
                f"{expected}; start from another folder, take {found.parent.parent} out of "
                f"PYTHONPATH, or `pip uninstall {name}` (best in an environment of its own)"
            )
        if "tritforge" not in expected.read_text(encoding="utf-8", errors="replace").lower():
            raise TritforgeError(
                f"another package called {name} was installed over Tritforge's: {expected} is not "
                f"Tritforge's file; `pip uninstall {name}`, then install Tritforge again"
            )


def _location(name: str) -> Path | None:
    """File that an import of a package would run first."""
    try:
        specification = importlib.util.find_spec(name)
    except ValueError:  # imported without a specification
        return None
    if specification is None:
        return None
    if specification.origin is not None:
        return Path(specification.origin).resolve()
    # A folder without __init__.py.
    folders = list(specification.submodule_search_locations or ())
    return Path(folders[0]).resolve() / "__init__.py" if folders else None
