# SPDX-License-Identifier: Apache-2.0
"""Special tokens of a chat template are tokens, their names in a message are text."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pynq_driver.language_model.text_codec import TextCodec
from pynq_driver.serving.chat import Chat
from pynq_driver.serving.errors import bad_request

#: Unicode's noncharacters: no text has a use for them, so they may mark places in one.
_NONCHARACTERS = tuple(map(chr, range(0xFDD0, 0xFDF0)))


class ControlTokenMarks:
    """Marks names of special tokens in a chat before it goes through a template.

    The method is that of `sanitize_control_tokens` in Transformers' `apply_chat_template`.

    Attributes:
        marked: the chat with each such name between two noncharacters that it has nowhere else.
    """

    def __init__(self, codec: TextCodec, chat: Chat) -> None:
        """
        Raises:
            ApiError: the chat has all noncharacters of Unicode itself.
        """
        self._codec = codec
        content = json.dumps(dataclasses.astuple(chat), ensure_ascii=False)
        free = [char for char in _NONCHARACTERS if char not in content]
        if len(free) < 2:
            raise bad_request("the chat has noncharacters of Unicode: leave them out", "messages")
        self._start, self._end = free[:2]
        names = sorted(codec.special_names, key=len, reverse=True)
        choice = "|".join(map(re.escape, names)) or "(?!)"
        self._name = re.compile(choice)
        self._token = re.compile(f"(?<!{self._start})({choice})(?!{self._end})")
        self.marked = dataclasses.replace(
            chat,
            messages=self._mark(chat.messages),
            tools=self._mark(chat.tools),
            documents=self._mark(chat.documents),
            variables=self._mark(chat.variables),
        )

    def _mark(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._name.sub(lambda match: f"{self._start}{match[0]}{self._end}", value)
        if isinstance(value, Mapping):
            return {key: self._mark(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self._mark(item) for item in value]
        return value

    def tokens(self, text: str) -> list[int]:
        """Tokens of a rendered text; marked names are text.

        Raises:
            ConfigurationError, ImageError: as `TextCodec.encode`.
        """
        if self._start not in text:
            return self._codec.parse(text)
        tokens: list[int] = []
        parsed = ""  # what has no marks goes through the tokenizer in one piece
        for index, piece in enumerate(self._token.split(text)):
            if index % 2 or self._start not in piece:
                parsed += piece
                continue
            tokens += self._codec.parse(parsed) if parsed else []
            tokens += self._codec.encode(piece.replace(self._start, "").replace(self._end, ""))
            parsed = ""
        return tokens + (self._codec.parse(parsed) if parsed else [])
