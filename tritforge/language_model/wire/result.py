# SPDX-License-Identifier: Apache-2.0
"""Result word: error code, saturated signals and packets of a wrong length of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tritforge.error_code import ErrorCode
from tritforge.errors import TritforgeError
from tritforge.language_model.signals import Signal
from tritforge.machine_interface import ERROR_CODE_BITS, stream_error_names


@dataclass(frozen=True)
class Outcome:
    """A result word, decoded.

    Attributes:
        error: first error of the run.
        saturations: signals that saturated.
        stream_errors: `<stream>_early` or `<stream>_late` for every packet of a wrong length.
    """

    error: ErrorCode
    saturations: tuple[str, ...]
    stream_errors: tuple[str, ...]

    def to_word(self, streams: Sequence[str]) -> int:
        """The result word of a machine with these input streams."""
        flags = (
            *(signal.value in self.saturations for signal in Signal),
            *(name in self.stream_errors for name in stream_error_names(streams)),
        )
        return int(self.error) | sum(
            int(flag) << ERROR_CODE_BITS + bit for bit, flag in enumerate(flags)
        )

    @classmethod
    def from_word(cls, word: int, streams: Sequence[str]) -> Outcome:
        """Decode the result word of a machine with these input streams.

        Raises:
            TritforgeError: an error code that this version does not know.
        """
        code = word & ((1 << ERROR_CODE_BITS) - 1)
        try:
            error = ErrorCode(code)
        except ValueError:
            raise TritforgeError(
                f"the machine reports error code {code}, which this driver does not know: build "
                "the library or overlay with the same version"
            ) from None
        flags = word >> ERROR_CODE_BITS
        return cls(
            error,
            _set_bits(flags, [signal.value for signal in Signal]),
            _set_bits(flags >> len(Signal), stream_error_names(streams)),
        )


def _set_bits(flags: int, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(names) if flags >> bit & 1)
