# SPDX-License-Identifier: Apache-2.0
"""Text to token ids and back, as one model image does it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tritforge.checks import check_integer
from tritforge.language_model.image import Image
from tritforge.language_model.tokenizer import encode_text, load_tokenizer, tokenizer_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TextCodec:
    """The tokenizer of an image in its two ways: names of special tokens are text, or are parsed.

    Attributes:
        tokenizer: the one for which they are text; begin and end token are special to it.
        begin_token: id that opens a text.
    """

    def __init__(self, image: Image) -> None:
        """
        Raises:
            ImageError: the image's tokenizer cannot be loaded.
        """
        self._content = image.tokenizer
        self._vocabulary = image.header.shape.vocabulary
        self.begin_token = image.header.begin_token
        self.tokenizer: Tokenizer = load_tokenizer(self._content)
        # A tokenizer.json may have them as plain added tokens, and text must not become these.
        ends = {image.header.begin_token, image.header.end_token}
        added = self.tokenizer.get_added_tokens_decoder()
        self._special = {added[token].content for token in ends & set(added)}
        if any(not added[token].special for token in ends & set(added)):
            self.tokenizer = load_tokenizer(self._content, special=self._special)
        self._parser: Tokenizer | None = None
        self._lock = threading.Lock()

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, all of it text.

        Raises:
            ConfigurationError: the text is not valid Unicode.
            ImageError: the tokenizer fails, or gives an id outside the vocabulary.
        """
        return encode_text(self.tokenizer, text, self._vocabulary)

    def parse(self, text: str) -> list[int]:
        """Token ids of `text`, in which names of special tokens stand for these.

        Raises:
            ConfigurationError, ImageError: as `encode`.
        """
        with self._lock:
            if self._parser is None:
                self._parser = load_tokenizer(
                    self._content, parse_special=True, special=self._special
                )
        return encode_text(self._parser, text, self._vocabulary)

    def with_begin(self, tokens: list[int]) -> list[int]:
        """The tokens, from the begin token on; one that is there already is not doubled."""
        return tokens if tokens[:1] == [self.begin_token] else [self.begin_token, *tokens]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of `tokens`, special tokens left out.

        Raises:
            ConfigurationError: an id is outside the vocabulary.
            ImageError: the tokenizer fails.
        """
        ids = [check_integer("token", token, 0, self._vocabulary - 1) for token in tokens]
        with tokenizer_errors("cannot decode these tokens"):
            text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text
