# SPDX-License-Identifier: Apache-2.0
"""Where the C++ headers, test benches and SystemVerilog modules of hls/ are."""

from __future__ import annotations

from pathlib import Path

from tritforge.errors import TritforgeError

_PACKAGE = Path(__file__).resolve().parent


def hls_folder() -> Path:
    """Headers and test benches: beside this package in a checkout, inside it when installed."""
    for folder in (_PACKAGE.parent / "hls", _PACKAGE / "hls"):
        if (folder / "include").is_dir():
            return folder
    raise TritforgeError(
        f"no hls/include beside or inside {_PACKAGE}: the installation is incomplete, install again"
    )


def bench_of(project: Path, unit: str) -> tuple[Path, Path]:
    """Test bench and vector file of a unit in a written project folder.

    Raises:
        TritforgeError: the project has no such unit.
    """
    found = sorted((project / "tb").glob(f"*/{unit}_tb.cpp"))
    if len(found) != 1:
        raise TritforgeError(f"{project} holds {len(found)} test benches of {unit}, not one")
    return found[0], project / "tb" / "vectors" / f"{unit}.txt"
