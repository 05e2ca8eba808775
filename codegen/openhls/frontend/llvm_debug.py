# SPDX-License-Identifier: Apache-2.0
"""Debug metadata of LLVM IR: which line an instruction came from, and types of parameters."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from codegen.openhls.errors import SourceLocation

_REFERENCE = {
    name: re.compile(rf"\b{name}: !(\d+)")
    for name in ("scope", "inlinedAt", "file", "type", "types", "baseType", "elements", "var")
}
_LINE = re.compile(r"\bline: (\d+)")
_NAME = re.compile(r'\bname: "([^"]*)"')
_LIST_ITEM = re.compile(r"!(\d+)|null")


@dataclass(frozen=True)
class DebugInformation:
    """Metadata by number, as text."""

    metadata: dict[int, str]

    def text(self, number: int | None) -> str:
        """A node as clang printed it, or ""."""
        return "" if number is None else self.metadata.get(number, "")

    def reference(self, number: int | None, name: str) -> int | None:
        """The node that field `name` of a node refers to."""
        found = _REFERENCE[name].search(self.metadata.get(-1 if number is None else number, ""))
        return int(found[1]) if found else None

    def name(self, number: int | None) -> str:
        """Field `name` of a node."""
        found = _NAME.search(self.metadata.get(-1 if number is None else number, ""))
        return found[1] if found else ""

    def items(self, number: int | None) -> list[int | None]:
        """Elements of a list node."""
        text = self.metadata.get(-1 if number is None else number, "")
        body = text[text.find("{") + 1 : text.rfind("}")]
        return [int(found[1]) if found[1] else None for found in _LIST_ITEM.finditer(body)]

    def locations(self, number: int | None) -> list[SourceLocation]:
        """Where an instruction came from: its line, then the lines that inlined it, outwards."""
        result: list[SourceLocation] = []
        while number is not None:
            text = self.metadata.get(number, "")
            line = _LINE.search(text)
            # Line 0 marks what the compiler made up.
            if line and int(line[1]) > 0:
                location = SourceLocation(self._file(self.reference(number, "scope")), int(line[1]))
                result.append(location)
            number = self.reference(number, "inlinedAt")
        return result

    def subprogram_location(self, number: int | None) -> SourceLocation | None:
        """Where a function is defined."""
        line = _LINE.search(self.metadata.get(-1 if number is None else number, ""))
        return SourceLocation(self._file(number), int(line[1])) if line else None

    def loop_location(self, number: int | None) -> int | None:
        """Number of the location at which a loop starts."""
        items = self.items(number)[1:]
        starts = [item for item in items if item and "!DILocation" in self.metadata.get(item, "")]
        return starts[0] if starts else None

    def _file(self, scope: int | None) -> str:
        while scope is not None:
            file = self.reference(scope, "file")
            if file is not None:
                return _file_name(self.metadata.get(file, ""))
            scope = self.reference(scope, "scope")
        return "unknown file"


@functools.lru_cache(maxsize=256)
def _file_name(text: str) -> str:
    found = re.search(r'filename: "([^"]*)"', text)
    return found[1] if found else "unknown file"
