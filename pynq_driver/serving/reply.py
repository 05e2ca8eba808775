# SPDX-License-Identifier: Apache-2.0
"""Answers of the two generation endpoints: chunks of a stream, or one object at the end."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from pynq_driver.language_model.scores import TokenScore
from pynq_driver.language_model.token_text import TokenText, TokenTexts
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

    def logprobs(self, scores: Sequence[TokenScore], texts: TokenTexts, offset: int) -> Any:
        """Scores of tokens; `offset` is the length of the text before them."""


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

    def logprobs(self, scores: Sequence[TokenScore], texts: TokenTexts, offset: int) -> Any:
        """See Format. The token itself is in the list of the likeliest, too."""
        offsets = []
        for score in scores:
            offsets.append(offset)
            offset += text_length(texts[score.token])
        return {
            "tokens": [texts[score.token].text for score in scores],
            "token_logprobs": [score.logprob for score in scores],
            "top_logprobs": [_top_by_text(score, texts) for score in scores],
            "text_offset": offsets,
        }


def _top_by_text(score: TokenScore, texts: TokenTexts) -> dict[str, float] | None:
    if score.logprob is None:
        return None
    found: dict[str, float] = {}
    for token, logprob in (*score.top, (score.token, score.logprob)):
        found.setdefault(texts[token].text, logprob)  # of tokens with one text the likeliest
    return found


def text_length(text: TokenText) -> int:
    """Characters of a token in the text: special tokens have none."""
    return len(text.text) if text.data != b"" else 0


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

    def logprobs(self, scores: Sequence[TokenScore], texts: TokenTexts, offset: int) -> Any:
        """See Format."""
        content = []
        for score in scores:
            top = [_named(texts[token], logprob) for token, logprob in score.top]
            content.append({**_named(texts[score.token], score.logprob), "top_logprobs": top})
        return {"content": content, "refusal": None}


def _named(text: TokenText, logprob: float | None) -> dict[str, Any]:
    data = None if text.data is None else list(text.data or text.text.encode())
    return {"token": text.text, "logprob": logprob, "bytes": data}


@dataclass(frozen=True)
class Answering:
    """What one request wants of its answer.

    Attributes:
        prompts: number of tokens of each prompt.
        echo: text that a choice of each prompt begins with.
        choices: choices of each prompt.
        with_tokens: add the ids.
        with_scores: add log probabilities.
    """

    prompts: Sequence[int]
    echo: Sequence[str]
    choices: int
    with_tokens: bool
    with_scores: bool


class Writer:
    """Writes the JSON of one answer.

    Attributes:
        choices: what each stream has given so far.
    """

    def __init__(
        self, form: Format, model: str, fingerprint: str, wanted: Answering, texts: TokenTexts
    ) -> None:
        self.choices = [Update() for _ in wanted.prompts for _ in range(wanted.choices)]
        self._form = form
        self._wanted = wanted
        self._texts = texts
        self._echo = [text for text in wanted.echo for _ in range(wanted.choices)]
        self._offsets = [0] * len(self.choices)
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
        text, self._echo[index] = self._echo[index] + update.text, ""
        if not text and update.end is None and not (self._wanted.with_tokens or update.scores):
            return None
        return self._event([self._choice(index, self._form.chunk(text), update)])

    def usage_chunk(self) -> bytes:
        """Event with the usage, the last one before the end mark."""
        return self._event([], usage=self.usage())

    def whole(self) -> dict[str, Any]:
        """The answer as one object."""
        choices = [
            self._choice(index, self._form.whole(self._echo[index] + choice.text), choice)
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
        given = sum(self._wanted.prompts)
        return {
            "prompt_tokens": given,
            "completion_tokens": generated,
            "total_tokens": given + generated,
        }

    def _choice(self, index: int, fields: Mapping[str, Any], update: Update) -> dict[str, Any]:
        logprobs = None
        if self._wanted.with_scores:
            logprobs = self._form.logprobs(update.scores, self._texts, self._offsets[index])
            self._offsets[index] += sum(
                text_length(self._texts[score.token]) for score in update.scores
            )
        choice = {
            "index": index,
            **fields,
            "logprobs": logprobs,
            "finish_reason": FINISHED.get(update.end),
        }
        if self._wanted.with_tokens:
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
