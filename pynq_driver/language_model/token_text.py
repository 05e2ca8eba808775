# SPDX-License-Identifier: Apache-2.0
"""How one token is written, for lists of tokens with their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynq_driver.language_model.text_stream import TextStream

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class TokenText:
    """A token on its own.

    Attributes:
        text: its text behind other text; `bytes:\\xe1` for a part of a character; the name of a
            special token.
        data: its bytes in UTF-8; None if the tokenizer does not tell, b"" for a special token.
    """

    text: str
    data: bytes | None


class TokenTexts:
    """Texts of the tokens of a tokenizer, each found once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._special = {
            number: token.content
            for number, token in tokenizer.get_added_tokens_decoder().items()
            if token.special
        }
        # Behind a word, so that a decoder that drops the space of the first one keeps this one.
        self._before: list[int] = tokenizer.encode("a", add_special_tokens=False).ids
        self._known: dict[int, TokenText] = {}

    def __getitem__(self, token: int) -> TokenText:
        if token not in self._known:
            self._known[token] = self._find(token)
        return self._known[token]

    def _find(self, token: int) -> TokenText:
        if token in self._special:
            return TokenText(self._special[token], b"")
        stream = TextStream(self._tokenizer, self._before)
        text = stream.push(token) + stream.flush()
        if _REPLACEMENT not in text:
            return TokenText(text, text.encode())
        data = stream.bytes_of([token]) or _byte_level(self._tokenizer.id_to_token(token) or "")
        if data is None:
            return TokenText(text, None)
        try:
            return TokenText(data.decode(), data)
        except UnicodeDecodeError:
            return TokenText("bytes:" + "".join(f"\\x{value:02x}" for value in data), data)


def _byte_level(name: str) -> bytes | None:
    """Bytes of a token of a byte-level tokenizer (GPT-2's alphabet), None if it is none."""
    try:
        return bytes(_BYTE_LEVEL[letter] for letter in name)
    except KeyError:
        return None


def _byte_level_alphabet() -> dict[str, int]:
    """Letter of each byte: itself where it is printable, else the next one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [value for value in range(256) if value not in printable]
    letters = {chr(value): value for value in printable}
    return letters | {chr(256 + index): value for index, value in enumerate(others)}


_BYTE_LEVEL = _byte_level_alphabet()
