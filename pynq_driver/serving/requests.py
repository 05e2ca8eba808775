# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: what is accepted, in which range, and what is refused by name."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from pynq_driver.serving.chat import Chat
from pynq_driver.serving.errors import bad_request
from pynq_driver.serving.messages import Message
from pynq_driver.serving.options import refuse_unsupported

MAXIMUM_CHOICES = 128
MAXIMUM_STOPS = 16
MAXIMUM_TOP_LOGPROBS = 20
#: max_tokens of clients that want no limit.
_UNLIMITED = -1


def _whole(value: Any) -> Any:
    """An int where a float is one: languages with one kind of number send 64 as 64.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WholeNumber = Annotated[int, BeforeValidator(_whole)]
_TokenId = Annotated[int, Field(ge=0)]
_Stop = Annotated[str, StringConstraints(max_length=1000)]


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    include_usage: bool | None = False
    include_obfuscation: bool | None = False  # accepted, has no effect
    continuous_usage_stats: bool | None = Field(False, description="not supported")


class GenerationRequest(BaseModel):
    """What completions and chat completions share. Sampling defaults are the model's own."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str | None = Field(None, description="the model of this server, which is the default")
    max_tokens: _WholeNumber | None = Field(
        None, ge=_UNLIMITED, description="-1: the server's limit"
    )
    temperature: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    top_p: float | None = Field(None, ge=0, le=1, description="0: the likeliest token alone")
    top_k: _WholeNumber | None = Field(
        None, ge=-1, description="keep the k likeliest tokens; 0 or -1: all"
    )
    seed: _WholeNumber | None = Field(None, ge=-(1 << 63), lt=1 << 63)
    n: _WholeNumber | None = Field(None, ge=1, le=MAXIMUM_CHOICES)
    stop: _Stop | Annotated[list[_Stop | None], Field(max_length=MAXIMUM_STOPS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    ignore_eos: bool | None = Field(False, description="never choose the end token")
    return_token_ids: bool | None = Field(False, description="add `token_ids` to the choices")

    def check(self) -> None:
        """Refuse what is not supported.

        Raises:
            ApiError: names the option.
        """
        refuse_unsupported(self.model_extra or {})
        if self.stream_options is not None and not self.stream:
            raise bad_request("stream_options needs stream: true", "stream_options")
        if self.stream_options is not None and self.stream_options.continuous_usage_stats:
            raise bad_request(
                "stream_options.continuous_usage_stats is not supported by this server: leave it "
                "out",
                "stream_options",
                "unsupported",
            )
        if self.token_limit == 0 and not self.echoes:
            raise bad_request(
                "max_tokens = 0 is out of range: give 1 or more, or -1 for the server's limit",
                "max_tokens",
            )

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop sequences; an empty one stops nothing."""
        given = [self.stop] if self.stop is None or isinstance(self.stop, str) else self.stop
        return tuple(item for item in given if item)

    @property
    def sampling(self) -> dict[str, float]:
        """Sampling options that are given, in the ranges of `Sampling`."""
        given: dict[str, float | None] = {
            "temperature": self.temperature,
            "top_p": None if self.top_p is None else max(self.top_p, sys.float_info.min),
            "top_k": None if self.top_k is None else max(self.top_k, 0),
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def token_limit(self) -> int | None:
        """Tokens to generate at most, if given; -1 is no limit of the request's own."""
        return self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a streamed answer ends with the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def echoes(self) -> bool:
        """Whether the answer begins with the prompt."""
        return False

    @property
    def top_tokens(self) -> int | None:
        """Likeliest tokens to name for each token, or None for no log probabilities."""
        raise NotImplementedError


class CompletionRequest(GenerationRequest):
    """Body of /v1/completions. Prompts are texts or lists of token ids, taken as they are."""

    prompt: str | list[str] | list[_TokenId] | list[list[_TokenId]]
    echo: bool | None = Field(False, description="begin the answer with the prompt")
    logprobs: bool | Annotated[int, Field(ge=0, le=MAXIMUM_TOP_LOGPROBS)] | None = None
    special_tokens: bool | None = Field(
        False, description="names of special tokens in the prompt, such as </s>, are these tokens"
    )

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        """The prompts, always a list of them."""
        single = isinstance(self.prompt, str) or isinstance((*self.prompt, "")[0], int)
        return cast("list[str] | list[list[int]]", [self.prompt] if single else self.prompt)

    @property
    def echoes(self) -> bool:
        """See GenerationRequest."""
        return bool(self.echo)

    @property
    def top_tokens(self) -> int | None:
        """See GenerationRequest."""
        if self.logprobs is None or self.logprobs is False:
            return None
        return int(self.logprobs)


class ChatRequest(GenerationRequest):
    """Body of /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: _WholeNumber | None = Field(None, ge=_UNLIMITED)
    logprobs: bool | None = False
    top_logprobs: _WholeNumber | None = Field(None, ge=0, le=MAXIMUM_TOP_LOGPROBS)
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    documents: list[dict[str, Any]] | None = None
    chat_template_kwargs: dict[str, Any] | None = Field(
        None, description="more names for the chat template"
    )
    add_generation_prompt: bool | None = True

    def check(self) -> None:
        """See GenerationRequest."""
        super().check()
        for index, message in enumerate(self.messages):
            message.check(index)
        if self.top_logprobs and not self.logprobs:
            raise bad_request("top_logprobs needs logprobs: true", "top_logprobs")
        if self.tool_choice not in (None, "none", "auto"):
            raise bad_request(
                "tool_choice: this server cannot make a model call a tool, only 'auto' and 'none' "
                "are supported",
                "tool_choice",
                "unsupported",
            )

    @property
    def chat(self) -> Chat:
        """What a chat template sees."""
        tools = None if self.tool_choice == "none" else self.tools
        return Chat(
            messages=[message.fields() for message in self.messages],
            tools=tools or None,
            documents=self.documents or None,
            add_generation_prompt=self.add_generation_prompt is not False,
            variables=self.chat_template_kwargs or {},
        )

    @property
    def token_limit(self) -> int | None:
        """See GenerationRequest."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def top_tokens(self) -> int | None:
        """See GenerationRequest."""
        return (self.top_logprobs or 0) if self.logprobs else None
