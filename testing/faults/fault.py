# SPDX-License-Identifier: Apache-2.0
"""One seeded fault: a changed place of a source file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from tritforge.errors import TritforgeError


class BrokenFaultError(TritforgeError):
    """A list of faults does not fit the sources, or the tests fail without a fault."""


@dataclass(frozen=True)
class Fault:
    """One changed place.

    Attributes:
        name: what goes wrong, in words joined by underscores.
        path: file, from the root of the repository.
        before: text that the file holds exactly once.
        after: text that replaces it.
    """

    name: str
    path: str
    before: str
    after: str

    @property
    def file_name(self) -> str:
        """Last part of `path`."""
        return PurePosixPath(self.path).name

    def put_into(self, text: str) -> str:
        """The file's text with the fault.

        Raises:
            BrokenFaultError: the text does not hold `before`, or more than once.
        """
        count = text.count(self.before)
        if count != 1:
            raise BrokenFaultError(
                f"{self.name}: {self.before!r} stands {count} times in {self.path}, "
                "must stand once: adapt testing/faults"
            )
        return text.replace(self.before, self.after)


@dataclass(frozen=True)
class UnitFault(Fault):
    """A fault of an HLS header.

    Attributes:
        unit: the unit whose bench must notice it.
    """

    unit: str


@dataclass(frozen=True)
class CaughtFault:
    """A fault and the id of the test that must notice it."""

    fault: Fault
    test: str


AnyFault = TypeVar("AnyFault", bound=Fault)


def fault_of(faults: Sequence[AnyFault], name: str) -> AnyFault:
    """The fault of that name.

    Raises:
        KeyError: there is none.
    """
    for fault in faults:
        if fault.name == name:
            return fault
    raise KeyError(name)
