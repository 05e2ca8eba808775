# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: what is accepted, in which range, and what is refused by name.

An option of the OpenAI API that is not supported is refused unless it has the value that means
nothing (`frequency_penalty: 0`), so that nobody gets other text than asked for.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pynq_driver.serving.errors import bad_request

MAXIMUM_CHOICES = 128
MAXIMUM_STOPS = 4

#: Options that change nothing here: labels, and hints to somebody else's infrastructure.
_IGNORED = frozenset(
    {
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
#: Unsupported options with the values that mean "off".
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (None, 1),
    "echo": (None, False),
    "frequency_penalty": (None, 0),
    "function_call": (None, "none"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "prediction": (None,),
    "presence_penalty": (None, 0),
    "response_format": (None, {"type": "text"}),
    "suffix": (None, ""),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
}

_TokenId = Annotated[int, Field(ge=0)]
_Stop = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    include_usage: bool = False
    include_obfuscation: bool = False  # accepted, has no effect


class GenerationRequest(BaseModel):
    """What completions and chat completions share. Sampling defaults are the model's own."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0, description="keep the k likeliest tokens; 0: all")
    seed: int | None = Field(None, ge=-(1 << 63), lt=1 << 63)
    n: int | None = Field(None, ge=1, le=MAXIMUM_CHOICES)
    stop: _Stop | Annotated[list[_Stop], Field(max_length=MAXIMUM_STOPS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    ignore_eos: bool = Field(False, description="never choose the end token")
    return_token_ids: bool = Field(False, description="add `token_ids` to the choices")

    def check(self) -> None:
        """Refuse what is not supported.

        Raises:
            ApiError: names the option.
        """
        for name, value in (self.model_extra or {}).items():
            if name in _IGNORED:
                continue
            if name not in _NEUTRAL:
                raise bad_request(f"unknown option {name!r}: leave it out", name)
            if not any(_same_json(value, item) for item in _NEUTRAL[name]):
                raise bad_request(
                    f"{name} is not supported by this server: leave it out", name, "unsupported"
                )
        if self.stream_options is not None and not self.stream:
            raise bad_request("stream_options needs stream: true", "stream_options")

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop sequences."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def token_limit(self) -> int | None:
        """Tokens to generate at most, if given."""
        return self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a streamed answer ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class CompletionRequest(GenerationRequest):
    """Body of /v1/completions. Prompts are texts or lists of token ids, taken as they are."""

    prompt: str | list[str] | list[_TokenId] | list[list[_TokenId]]

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        """The prompts, always a list of them."""
        single = isinstance(self.prompt, str) or isinstance((*self.prompt, "")[0], int)
        return cast("list[str] | list[list[int]]", [self.prompt] if single else self.prompt)


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(strict=True, extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class ChatRequest(GenerationRequest):
    """Body of /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    @property
    def token_limit(self) -> int | None:
        """Tokens to generate at most, if given."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens


def _same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: 0 is 0.0, but not false."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
