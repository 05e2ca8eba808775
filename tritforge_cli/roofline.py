# SPDX-License-Identifier: Apache-2.0
"""Roofline plot: what memory and array allow, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tritforge.errors import TritforgeError, install_command
from tritforge.ternary_code import TRITS_PER_BYTE
from tritforge.whole_file import whole_file

#: A ternary weight is one multiplication by -1, 0 or 1 and one addition.
OPERATIONS_PER_WEIGHT = 2
TERNARY_AXIS = "operations per weight byte (ternary multiply and add)"
FORMATS = (".png", ".svg", ".pdf")
#: Formats that would hold a date -> metadata without it: equal measurements give equal files.
_NO_DATE = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        memory_bytes_per_second: roof of this measurement.
        operations_per_second: measured.
    """

    label: str
    memory_bytes_per_second: float
    operations_per_second: float


def check_path(path: Path) -> None:
    """Raise TritforgeError unless the plot can be written there, before the long work starts."""
    if path.suffix not in FORMATS:
        raise TritforgeError(f"--plot {path}: give a name that ends in {', '.join(FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise TritforgeError(f"--plot {path}: there is no folder {path.absolute().parent}")
    _pyplot()


def write_roofline(
    path: Path,
    title: str,
    intensity: float,
    array_operations_per_second: float,
    points: Sequence[Point],
    axis: str = TERNARY_AXIS,
) -> None:
    """Draw one memory roof per point, the array's roof, and the points.

    Args:
        intensity: operations per byte of the measured work, see `ternary_intensity`.
        array_operations_per_second: what the array does when it never waits.
        axis: what intensity counts.

    Raises:
        TritforgeError: matplotlib is missing, or the file cannot be written.
    """
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    draw_roofline(axes, intensity, array_operations_per_second, points, axis)
    axes.set_title(title)
    try:
        with pyplot.rc_context({"svg.hashsalt": "tritforge"}), whole_file(path) as part:
            figure.savefig(part, bbox_inches="tight", metadata=_NO_DATE.get(path.suffix))
    except OSError as error:
        raise TritforgeError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        pyplot.close(figure)


def ternary_intensity(lanes: int) -> float:
    """Operations per byte of ternary weights that so many tokens share."""
    return OPERATIONS_PER_WEIGHT * TRITS_PER_BYTE * lanes


def draw_roofline(
    axes: Any,
    intensity: float,
    array_operations_per_second: float,
    points: Sequence[Point],
    axis: str = TERNARY_AXIS,
) -> None:
    """Draw roofs and points on axes of matplotlib; arguments as in `write_roofline`."""
    x = np.geomspace(intensity / 8, intensity * 8, 200)
    for point in points:
        roof = np.minimum(point.memory_bytes_per_second * x, array_operations_per_second)
        (line,) = axes.loglog(x, roof / 1e9, label=f"roof, {point.label}")
        axes.loglog(
            [intensity],
            [point.operations_per_second / 1e9],
            "o",
            color=line.get_color(),
            label=f"measured, {point.label}",
        )
    for scale in (axes.xaxis, axes.yaxis):
        # Powers of ten would leave one or two labels on so short an axis.
        getattr(axes, f"set_{scale.axis_name}scale")("log", base=2)
        scale.set_major_formatter("{x:g}")
    axes.set_xlabel(axis)
    axes.set_ylabel("10⁹ operations/s")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise TritforgeError(f"--plot needs matplotlib: {install_command('plot')}") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
