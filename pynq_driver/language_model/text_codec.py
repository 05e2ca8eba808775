# SPDX-License-Identifier: Apache-2.0
"""Text to token ids and back, as one model image does it."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tritforge.checks import check_integer
from tritforge.language_model.image import Image
from tritforge.language_model.tokenizer import encode_text, load_tokenizer, tokenizer_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: What tokenizers call their padding token when their file does not say.
_PAD_NAMES = ("<pad>", "[PAD]", "<|pad|>", "<PAD>")


class TextCodec:
    """The tokenizer of an image in its two ways: names of special tokens are text, or are parsed.

    Attributes:
        tokenizer: the one for which they are text.
        begin_token: id that opens a text.
        special_names: special tokens; begin and end token always are.
        added_names: tokens that the tokenizer finds in a text before anything else, special or not.
        token_names: what chat templates call special tokens (bos_token, eos_token, pad_token,
            unk_token) and how they are written, as far as the image tells.
    """

    def __init__(self, image: Image, special: Collection[str] = ()) -> None:
        """
        Args:
            special: added tokens that count as special whatever the tokenizer says of them.

        Raises:
            ImageError: the image's tokenizer cannot be loaded.
        """
        self._image = image
        self._vocabulary = image.header.shape.vocabulary
        self.begin_token = image.header.begin_token
        self.tokenizer: Tokenizer = load_tokenizer(image.tokenizer)
        added = self.tokenizer.get_added_tokens_decoder()
        ends = {image.header.begin_token, *image.header.end_tokens}
        self.added_names = frozenset(token.content for token in added.values())
        self.special_names = frozenset(
            token.content
            for number, token in added.items()
            if token.special or number in ends or token.content in special
        )
        if any(not item.special and item.content in self.special_names for item in added.values()):
            self.tokenizer = load_tokenizer(image.tokenizer, special=self.special_names)
        self._parser: Tokenizer | None = None
        self._lock = threading.Lock()

    def with_special(self, names: Collection[str]) -> TextCodec:
        """A codec of the same image for which these added tokens are special, too."""
        return TextCodec(self._image, self.special_names | set(names))

    @cached_property
    def token_names(self) -> Mapping[str, str]:
        """See TextCodec."""
        document = json.loads(self._image.tokenizer)
        padding, model = document.get("padding") or {}, document["model"]
        header = self._image.header
        names = {
            "bos_token": self.tokenizer.id_to_token(header.begin_token),
            "eos_token": self.tokenizer.id_to_token(header.end_token),
            "pad_token": padding.get("pad_token")
            or next((name for name in _PAD_NAMES if name in self.special_names), None),
            "unk_token": model.get("unk_token"),
        }
        return {name: text for name, text in names.items() if isinstance(text, str)}

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
                    self._image.tokenizer, parse_special=True, special=self.special_names
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
