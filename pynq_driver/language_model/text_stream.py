# SPDX-License-Identifier: Apache-2.0
"""Text of a token stream as it appears: detokenisation in pieces, and stop sequences."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tritforge.language_model.tokenizer import tokenizer_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer


#: Prompt tokens kept as context of the first piece: enough for a decoder that joins its neighbours.
_CONTEXT_TOKENS = 16
#: Tokens of a window after which it is cut, although its end is not shown yet.
_LONGEST_WINDOW = 64
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
#: A token of one byte, as tokenizers with byte fallback write it.
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_LONGEST_CHARACTER = 4


class TextStream:
    """Turns tokens into pieces of text that join to the text of all of them.

    A token may hold a part of a character, or look different behind another one (a space), so a
    piece is what a decoded window of the last tokens has beyond the text already shown; a character
    that is not complete is held back. Invalid bytes become U+FFFD, one for each byte token.

    Tokens of one byte (byte fallback) are gathered into whole characters first: the library's
    decoders turn a whole run of them into U+FFFD if it begins or ends inside a character or holds
    an invalid byte, so they never see such a run.
    """

    def __init__(self, tokenizer: Tokenizer, prompt_tokens: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._bytes: dict[int, int | None] = {}
        window = self._prompt_window(prompt_tokens)
        #: byte tokens of a character that is not complete, and how many of them are the prompt's
        self._held = self._incomplete_end(window)
        self._held_of_prompt = len(self._held)
        self._window = window[: len(window) - len(self._held)]
        self._context_tokens = len(self._window)
        text = self._decode(self._window)
        self._shown = len(text)
        #: the last character shown may be an incomplete one of the prompt, which tokens complete
        self._is_open = text.endswith(_REPLACEMENT)

    def push(self, token: int) -> str:
        """Text that `token` completes; may be empty."""
        if self._byte(token) is None:
            if self._held and self._is_silent(token):
                return ""
            return self._give_up_held() + self._extend([token], is_complete=False)
        text = ""
        if self._held and not _begins_character(self.bytes_of([*self._held, token])):
            text = self._give_up_held()
        self._held.append(token)
        data = self.bytes_of(self._held)
        if _is_incomplete(data):
            return text
        if not _begins_character(data):
            return text + self._give_up_held()
        character, self._held, self._held_of_prompt = self._held, [], 0
        return text + self._extend(character, is_complete=True)

    def flush(self) -> str:
        """What is still held back, at the end of the stream."""
        return self._rest_of_window() + self._give_up_held()

    def _extend(self, tokens: Sequence[int], is_complete: bool) -> str:
        """Text that tokens add to the window.

        Args:
            is_complete: a U+FFFD at the end is that character, not the beginning of another one.
        """
        self._window += tokens
        text = self._decode(self._window)
        if self._is_open and text[self._shown - 1 :][:1] not in ("", _REPLACEMENT):
            self._shown -= 1
        is_complete = is_complete or not text.endswith(_REPLACEMENT)
        end = len(text) if is_complete else len(text) - 1
        if end <= self._shown:
            self._cut_long_window(text)
            return ""
        piece, self._shown, self._is_open = text[self._shown : end], end, False
        if is_complete:
            self._window = self._window[self._context_tokens :]
            self._context_tokens = len(self._window)
            self._shown = len(self._decode(self._window))
        else:
            self._cut_long_window(text)
        return piece

    def _cut_long_window(self, text: str) -> None:
        """Keep the end of a window that became long, if it decodes to the end of its `text`."""
        if len(self._window) <= _LONGEST_WINDOW:
            return
        window, hidden = self._window[-_CONTEXT_TOKENS:], text[self._shown :]
        shorter = self._decode(window)
        if shorter.endswith(hidden):
            self._window, self._context_tokens = window, 0
            self._shown = len(shorter) - len(hidden)

    def _rest_of_window(self) -> str:
        text = self._decode(self._window)
        piece, self._shown = text[self._shown :], max(self._shown, len(text))
        return piece

    def _give_up_held(self) -> str:
        """A mark for each byte that is no character; the window stays as if they had not been."""
        count = len(self._held) - self._held_of_prompt
        self._held, self._held_of_prompt = [], 0
        return self._rest_of_window() + _REPLACEMENT * count if count else ""

    def _prompt_window(self, tokens: Sequence[int]) -> list[int]:
        """The last tokens of a prompt, from the beginning of a character on."""
        first = max(0, len(tokens) - _CONTEXT_TOKENS)
        for _ in range(_LONGEST_CHARACTER - 1):
            value = self._byte(tokens[first]) if first else None
            if value is None or not 0x80 <= value < 0xC0:
                break
            first -= 1
        return list(tokens[first:])

    def _incomplete_end(self, tokens: Sequence[int]) -> list[int]:
        """Byte tokens at the end that begin a character and do not complete it."""
        for count in range(1, min(_LONGEST_CHARACTER, len(tokens) + 1)):
            last = list(tokens[-count:])
            if self._byte(last[0]) is None:
                break
            if _is_incomplete(self.bytes_of(last)):
                return last
        return []

    def _byte(self, token: int) -> int | None:
        """Value of a token of one byte; None for any other token."""
        if token not in self._bytes:
            match = _BYTE_TOKEN.fullmatch(self._tokenizer.id_to_token(token) or "")
            # Without byte fallback it is a word like any other, and decodes to itself.
            is_byte = match is not None and match[0] not in self._decode([token])
            self._bytes[token] = int(match[1], 16) if match is not None and is_byte else None
        return self._bytes[token]

    def bytes_of(self, tokens: Sequence[int]) -> bytes:
        """Bytes of the tokens of one byte among `tokens`."""
        return bytes(value for token in tokens if (value := self._byte(token)) is not None)

    def _is_silent(self, token: int) -> bool:
        """Whether decoding leaves a token out, as it does with special ones."""
        shown: str = self._tokenizer.decode([token], skip_special_tokens=False)
        return shown != self._decode([token])

    def _decode(self, tokens: list[int]) -> str:
        with tokenizer_errors("cannot decode its tokens"):
            text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


def _begins_character(data: bytes) -> bool:
    """Whether these bytes are UTF-8, or become it with more bytes."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _is_incomplete(data: bytes) -> bool:
    """Whether these bytes are the beginning of one character, but not all of it."""
    return _begins_character(data) and not data.decode("utf-8", errors="ignore")


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
