# SPDX-License-Identifier: Apache-2.0
"""A second kind of container file: samples of a signal and a note about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.checks import check_integer, check_keys
from tritforge.container.format import Kind, SectionRule
from tritforge.container.reading import Container, open_container
from tritforge.container.writing import write_container
from tritforge.errors import ImageError

SAMPLE_LIMIT = 1000
LONGEST_NOTE = 9000


@dataclass(frozen=True)
class SignalHeader:
    """Header of a recorded signal."""

    samples: int
    scale: int = 1

    def __post_init__(self) -> None:
        check_integer("samples", self.samples, 1, 1 << 20)
        check_integer("scale", self.scale, 1, 1 << 20)

    def to_mapping(self) -> dict[str, Any]:
        """Keys of the header."""
        return asdict(self)

    def section_bytes(self) -> Mapping[str, int]:
        """The note may have any length."""
        return {"samples": 2 * self.samples}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SignalHeader:
        """Build from untrusted JSON; raises ConfigurationError."""
        check_keys("signal header", values, {"samples", "scale"})
        return cls(**values)


SIGNAL = Kind(
    name="recorded-signal",
    sections=(
        SectionRule("samples"),
        SectionRule("note", is_optional=True, maximum_bytes=LONGEST_NOTE),
    ),
    header_from_mapping=SignalHeader.from_mapping,
    how_to_get="record one with the oscilloscope",
)


@dataclass(frozen=True)
class Signal:
    """An opened signal."""

    header: SignalHeader
    samples: NDArray[np.int16]
    note: str | None


def write_signal(path: Path, samples: list[int], note: str | None = None, scale: int = 1) -> None:
    """Write a signal."""
    text = b"" if note is None else note.encode()
    with write_container(
        path,
        SIGNAL,
        SignalHeader(len(samples), scale),
        sizes={"note": len(text)},
        without=("note",) if note is None else (),
    ) as writer:
        writer.section("samples").view("<i2")[:] = samples
        if note is not None:
            writer.section("note")[:] = np.frombuffer(text, np.uint8)


def open_signal(path: Path) -> Signal:
    """Open a signal; raises ImageError."""
    return open_container(path, SIGNAL, _signal, _check_samples)


def _signal(container: Container[SignalHeader]) -> Signal:
    views = container.views
    note = views["note"].tobytes().decode() if "note" in views else None
    return Signal(container.header, views["samples"].view("<i2"), note)


def _check_samples(container: Container[SignalHeader]) -> None:
    samples = np.empty(container.header.samples, "<i2")
    container.file.read_into(samples.view(np.uint8), container.sections["samples"].offset)
    if np.abs(samples).max() > SAMPLE_LIMIT:
        raise ImageError(f"section samples: a sample is beyond +-{SAMPLE_LIMIT}")
