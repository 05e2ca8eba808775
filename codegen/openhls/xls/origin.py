# SPDX-License-Identifier: Apache-2.0
"""Lines of C++ in the names of signals: `p2_quantiser_L212_33` comes from line 212 of quantiser.

Names survive synthesis, placement and routing where comments and attributes do not.
"""

from __future__ import annotations

import re
from pathlib import PurePath

_NAMED_LINE = re.compile(r"(?:^|[.])(?:p\d+_)?([A-Za-z]\w*?)_L(\d+)_\d+(?![0-9])")


def file_label(file: str) -> str:
    """A C++ file in names: an identifier, without folder and ending."""
    label = re.sub(r"\W", "_", PurePath(file).stem, flags=re.ASCII)
    return label if label[:1].isalpha() else f"file_{label}"


def origin_name(label: str, line: int) -> str:
    """Begin of the name of a value that a line of C++ asked for; a number of its own follows."""
    return f"{label}_L{line}"


def named_line(signal: str) -> str | None:
    """File and line in the name of a signal, as `quantiser:212`, or None."""
    found = _NAMED_LINE.search(signal)
    return f"{found[1]}:{found[2]}" if found else None
