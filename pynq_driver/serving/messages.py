# SPDX-License-Identifier: Apache-2.0
"""Messages of a chat, as clients send them back and forth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from pynq_driver.serving.errors import bad_request

#: Fields of a message that a chat template may show.
_SHOWN = frozenset(
    {"name", "reasoning", "reasoning_content", "thinking", "tool_call_id", "tool_calls"}
)
#: Names under which templates look for the reasoning of a message.
_REASONING = ("reasoning_content", "thinking", "reasoning")
#: Values of a field that say nothing.
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["text", "input_text", "output_text"]
    text: str
    annotations: list[Any] | None = Field(None, max_length=0)
    logprobs: list[Any] | None = Field(None, max_length=0)
    cache_control: dict[str, Any] | None = None  # a hint to somebody else's infrastructure


class RefusalPart(BaseModel):
    """A part of an assistant's content that says no."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["refusal"]
    refusal: str


class Message(BaseModel):
    """One message of a chat; an assistant's may be without content."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | RefusalPart] | None = None
    _order: tuple[str, ...] = ()  # of the keys: a template may print the whole message

    @model_validator(mode="wrap")
    @classmethod
    def _keep_order(cls, value: Any, handler: ModelWrapValidatorHandler[Message]) -> Message:
        message = handler(value)
        message._order = tuple(value) if isinstance(value, Mapping) else ()
        return message

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, str):
            return self.content
        return "".join(
            part.text if isinstance(part, TextPart) else part.refusal for part in self.content or ()
        )

    def check(self, index: int) -> None:
        """Refuse what the prompt would not show.

        Raises:
            ApiError: names message and field.
        """
        if self.content is None and self.role != "assistant":
            raise bad_request(
                f"messages[{index}].content: null is for assistants, not for {self.role}",
                "messages",
            )
        for name, value in (self.model_extra or {}).items():
            if name not in _SHOWN and value not in _NOTHING and not _is_label(name):
                raise bad_request(
                    f"messages[{index}].{name} is not supported by this server: leave it out",
                    "messages",
                    "unsupported",
                )

    def fields(self) -> dict[str, Any]:
        """What a chat template sees: no field without a value, as Transformers hands it on."""
        given: dict[str, Any] = {
            "role": self.role,
            "content": None if self.content is None else self.text,
        }
        given |= {k: v for k, v in (self.model_extra or {}).items() if k in _SHOWN}
        ordered = (*(name for name in self._order if name in given), *given)
        shown = {name: given[name] for name in ordered if given[name] is not None}
        reasoning = next((shown[name] for name in _REASONING if shown.get(name)), None)
        if reasoning is not None:
            shown = {"thinking": reasoning, **shown, "reasoning_content": reasoning}
        return shown


def _is_label(name: str) -> bool:
    """Fields that say when and by whom a message was made, not what."""
    return name in ("cache_control", "created", "created_at", "id", "status", "type")
