# SPDX-License-Identifier: Apache-2.0
"""Text format of the golden vectors, read by `hls/tb/common/vector_file.hpp`.

A file is a sequence of cases. A case is a line `case NAME`, then lines `KEY N v1 ... vN` with N
decimal integers, in the order in which the test bench reads them. Lines with `#` are comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Union

import numpy as np

Values = Union[int, Iterable[int], "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]


class VectorFile:
    """Collects cases as text."""

    def __init__(self, title: str) -> None:
        self._lines = [f"# {title}"]

    def case(self, name: str) -> None:
        """Start a case; `name` says what it catches."""
        self._lines.append(f"case {name}")

    def add(self, **entries: Values) -> None:
        """Stimuli, one line per entry; arrays are flattened in C order."""
        self._write(entries)

    def expect(self, **entries: Values) -> None:
        """What the golden model expects, one line per entry, in the format of `add`."""
        self._write(entries)

    def _write(self, entries: Mapping[str, Values]) -> None:
        for key, values in entries.items():
            # Lists of plain numbers are by far the most; arrays take a while to make.
            if isinstance(values, list) and set(map(type, values)) <= {int}:
                numbers = values
            else:
                numbers = np.ravel(np.asarray(values)).tolist()
            self._lines.append(" ".join([key, str(len(numbers)), *map(str, numbers)]))

    def text(self) -> str:
        """The whole file."""
        return "\n".join(self._lines) + "\n"
