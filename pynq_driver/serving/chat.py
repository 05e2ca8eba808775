# SPDX-License-Identifier: Apache-2.0
"""From a chat to the tokens of a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pynq_driver.language_model.text_codec import TextCodec
from pynq_driver.serving.errors import bad_request

#: What Transformers gives every template, beside the names of special tokens.
TEMPLATE_VARIABLES = ("messages", "tools", "documents", "add_generation_prompt")


@dataclass(frozen=True)
class Chat:
    """What a chat template sees.

    Attributes:
        messages: each with a role and what else it has; values are JSON.
        tools, documents: as the request gives them, or None.
        add_generation_prompt: whether the prompt ends where the answer begins.
        variables: more names for the template.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    documents: Sequence[Mapping[str, Any]] | None = None
    add_generation_prompt: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict)


class ChatTemplate(Protocol):
    """How a model wants a chat to be written."""

    def tokens(self, codec: TextCodec, chat: Chat) -> list[int]:
        """Tokens of the prompt, with one begin token; runs in a thread of its own.

        Raises:
            ApiError: the template refuses the chat, or cannot show a part of it.
            ConfigurationError, ImageError: as `TextCodec.encode`.
        """


class PlainTemplate:
    """For a base model: the contents of the messages, one after the other on lines of their own.

    The model continues the last message, whoever said it.
    """

    def tokens(self, codec: TextCodec, chat: Chat) -> list[int]:
        """See ChatTemplate."""
        for name, value in (
            ("tools", chat.tools),
            ("documents", chat.documents),
            ("chat_template_kwargs", chat.variables),
            *(
                (f"messages[{index}].tool_calls", message.get("tool_calls"))
                for index, message in enumerate(chat.messages)
            ),
        ):
            if value:
                raise template_needed(name)
        text = "\n".join(message.get("content", "") for message in chat.messages)
        return [codec.begin_token, *codec.encode(text)]


def template_needed(name: str) -> Exception:
    """The error of a request with something that the prompt could not show."""
    return bad_request(
        f"{name} needs a chat template that shows it (tritforge serve --chat-template FILE): "
        "leave it out",
        name.partition("[")[0],
        "unsupported",
    )
