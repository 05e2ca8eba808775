# SPDX-License-Identifier: Apache-2.0
"""Text of a token stream as it appears: detokenisation in pieces, and stop sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


#: Prompt tokens kept as context of the first piece: enough for a decoder that joins its neighbours.
_CONTEXT_TOKENS = 16
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """Turns tokens into pieces of text that join to the text of all of them.

    A token may hold a part of a character, or look different behind another one (a space), so a
    piece is the difference of two decoded windows, and is held back while it ends in the middle of
    a character. Invalid bytes become U+FFFD as in `Tokenizer.decode`; the library's own
    `DecodeStream` raises on them when the tokenizer has byte fallback.
    """

    def __init__(self, tokenizer: Tokenizer, prompt_tokens: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._context = list(prompt_tokens[-_CONTEXT_TOKENS:])
        self._pending: list[int] = []
        self._context_text: str = self._decode(self._context)

    def push(self, token: int) -> str:
        """Text that `token` completes; may be empty."""
        self._pending.append(token)
        text = self._decode(self._context + self._pending)
        if text.endswith(_REPLACEMENT) or len(text) <= len(self._context_text):
            return ""
        return self._take(text)

    def flush(self) -> str:
        """What is still held back, at the end of the stream."""
        return self._take(self._decode(self._context + self._pending)) if self._pending else ""

    def _take(self, text: str) -> str:
        piece = text[len(self._context_text) :]
        self._context, self._pending = self._pending, []
        self._context_text = self._decode(self._context)
        return piece

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


class StopSequences:
    """Ends a text before the first of some strings to be complete, however the text is cut.

    Attributes:
        found: whether one of them has come; nothing follows then.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self.found = False
        self._sequences = tuple(sequences)
        self._held = ""

    def push(self, text: str) -> str:
        """What of the text up to here is certainly not part of a stop sequence."""
        if not self._sequences or self.found:
            return "" if self.found else text
        self._held += text
        found = [(self._held.find(item), len(item)) for item in self._sequences]
        ends = [(start + length, start) for start, length in found if start >= 0]
        if ends:
            self.found = True
            return self._release(min(ends)[1])
        return self._release(len(self._held) - self._possible_start())

    def flush(self) -> str:
        """What is still held back, at the end of the text."""
        return "" if self.found else self._release(len(self._held))

    def _release(self, count: int) -> str:
        piece, self._held = self._held[:count], self._held[count:]
        return piece

    def _possible_start(self) -> int:
        """Length of the longest end of the text that begins a stop sequence."""
        longest = min(len(self._held), max(map(len, self._sequences)) - 1)
        for length in range(longest, 0, -1):
            if any(sequence.startswith(self._held[-length:]) for sequence in self._sequences):
                return length
        return 0
