# SPDX-License-Identifier: Apache-2.0
"""Command word: what one run of the machine does."""

from __future__ import annotations

from dataclasses import dataclass

from tritforge.errors import TritforgeError


def command_fields(lanes: int) -> dict[str, int]:
    """Field -> bits of the command word, from bit 0 upwards."""
    return {"prefill": 1, "all_logits": 1, "fresh": lanes, "hold": lanes}


@dataclass(frozen=True)
class Command:
    """A command word, decoded; numbers as the hardware has them.

    Attributes:
        prefill: 1 if the lanes are consecutive tokens of one stream.
        all_logits: 1 to send every logit, not only the best ones.
        fresh: bit l set: lane l starts from the empty context (`prefill`: only lane 0 counts).
        hold: bit l set: lane l leaves the context as it is, because it carries no token.
    """

    prefill: int = 0
    all_logits: int = 0
    fresh: int = 0
    hold: int = 0

    def to_word(self, lanes: int) -> int:
        """The command word of a machine with so many lanes."""
        word = low = 0
        for name, bits in command_fields(lanes).items():
            value = int(getattr(self, name))
            if value >> bits:
                raise TritforgeError(
                    f"command field {name} is {value}, {lanes} lanes allow 0 to {(1 << bits) - 1}"
                )
            word |= value << low
            low += bits
        return word

    @classmethod
    def from_word(cls, word: int, lanes: int) -> Command:
        """Decode the command word of a machine with so many lanes.

        Raises:
            TritforgeError: bits above the last field are set.
        """
        values = {}
        rest = word
        for name, bits in command_fields(lanes).items():
            values[name] = rest & ((1 << bits) - 1)
            rest >>= bits
        if rest:
            raise TritforgeError(f"command word {word:#x} has bits that {lanes} lanes do not use")
        return cls(**values)
