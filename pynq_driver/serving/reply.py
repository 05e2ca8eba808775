# SPDX-License-Identifier: Apache-2.0
"""Answers of the two generation endpoints: chunks of a stream, or one object at the end."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from pynq_driver.serving.errors import ApiError
from pynq_driver.serving.scheduler import End, Update

#: `finish_reason` of the ends that are answers.
FINISHED: Mapping[End | None, str] = {End.STOP: "stop", End.LENGTH: "length"}


def failure(end: End, timeout: float) -> ApiError:
    """The error of a stream that ended otherwise."""
    if end is End.TIMED_OUT:
        return ApiError(
            HTTPStatus.GATEWAY_TIMEOUT, f"not finished within {timeout:g} s", code="timeout"
        )
    if end is End.SHUT_DOWN:
        return ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE, "the server is shutting down", code="shutting_down"
        )
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "the stream failed: see the server's log")


class Format(Protocol):
    """How an endpoint writes a choice."""

    prefix: str
    whole_object: str
    chunk_object: str

    def opening(self) -> dict[str, Any] | None:
        """Fields of a choice that opens a stream, if there is one."""

    def chunk(self, text: str) -> dict[str, Any]:
        """Fields of a choice with a piece of text."""

    def whole(self, text: str) -> dict[str, Any]:
        """Fields of a choice with the whole text."""


class CompletionFormat:
    """/v1/completions."""

    prefix = "cmpl-"
    whole_object = chunk_object = "text_completion"

    def opening(self) -> dict[str, Any] | None:
        """See Format."""
        return None

    def chunk(self, text: str) -> dict[str, Any]:
        """See Format."""
        return {"text": text}

    whole = chunk


class ChatFormat:
    """/v1/chat/completions."""

    prefix = "chatcmpl-"
    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"

    def opening(self) -> dict[str, Any] | None:
        """See Format."""
        return {"delta": {"role": "assistant", "content": ""}}

    def chunk(self, text: str) -> dict[str, Any]:
        """See Format."""
        return {"delta": {"content": text} if text else {}}

    def whole(self, text: str) -> dict[str, Any]:
        """See Format."""
        return {"message": {"role": "assistant", "content": text, "refusal": None}}


@dataclass
class Choice:
    """What one stream has given so far."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    end: End | None = None

    def add(self, update: Update) -> None:
        """Append an update."""
        self.text += update.text
        self.tokens += update.tokens
        self.end = update.end


class Writer:
    """Writes the JSON of one answer.

    Attributes:
        choices: one a stream.
    """

    def __init__(
        self,
        form: Format,
        model: str,
        fingerprint: str,
        prompt_tokens: int,
        choices: int,
        with_tokens: bool,
    ) -> None:
        self.choices = [Choice() for _ in range(choices)]
        self._form = form
        self._prompt_tokens = prompt_tokens
        self._with_tokens = with_tokens
        self._common: Mapping[str, Any] = {
            "id": form.prefix + uuid.uuid4().hex,
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
        }

    def opening(self) -> list[bytes]:
        """Events that open a stream."""
        fields = self._form.opening()
        if fields is None:
            return []
        return [
            self._event([{"index": index, **fields, "logprobs": None, "finish_reason": None}])
            for index in range(len(self.choices))
        ]

    def chunk(self, index: int, update: Update) -> bytes | None:
        """Event of an update; None if it shows nothing."""
        if not update.text and update.end is None and not self._with_tokens:
            return None
        return self._event([self._choice(index, self._form.chunk(update.text), update)])

    def usage_chunk(self) -> bytes:
        """Event with the usage, the last one before the end mark."""
        return self._event([], usage=self.usage())

    def whole(self) -> dict[str, Any]:
        """The answer as one object."""
        choices = [
            self._choice(index, self._form.whole(choice.text), choice)
            for index, choice in enumerate(self.choices)
        ]
        return {
            **self._common,
            "object": self._form.whole_object,
            "choices": choices,
            "usage": self.usage(),
        }

    def usage(self) -> dict[str, int]:
        """Token counts of the answer."""
        generated = sum(len(choice.tokens) for choice in self.choices)
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": generated,
            "total_tokens": self._prompt_tokens + generated,
        }

    def _choice(
        self, index: int, fields: Mapping[str, Any], update: Update | Choice
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            **fields,
            "logprobs": None,
            "finish_reason": FINISHED.get(update.end),
        }
        if self._with_tokens:
            choice["token_ids"] = update.tokens
        return choice

    def _event(self, choices: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
        return event(
            {**self._common, "object": self._form.chunk_object, "choices": choices, **more}
        )


def event(content: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


#: Ends a stream of events.
END_EVENT = b"data: [DONE]\n\n"
