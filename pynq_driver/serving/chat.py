# SPDX-License-Identifier: Apache-2.0
"""From a chat to a prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pynq_driver.serving.errors import bad_request
from pynq_driver.serving.requests import Message
from tritforge.errors import TritforgeError

ChatTemplate = Callable[[Sequence[Message]], str]


def plain_template(messages: Sequence[Message]) -> str:
    """The template of a base model: the contents, one after the other on lines of their own.

    The model continues the last message, whoever said it.
    """
    return "\n".join(message.text for message in messages)


def template_from_file(path: Path) -> ChatTemplate:
    """A Jinja2 template with `messages` (role, content) and `add_generation_prompt`.

    That is the form of `chat_template` in a `tokenizer_config.json`. It runs in Jinja2's sandbox.

    Raises:
        TritforgeError: the file cannot be read or is no template.
    """
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise bad_request(message, "messages")

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.globals["raise_exception"] = raise_exception
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TritforgeError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except TemplateError as error:
        raise TritforgeError(f"{path} is no chat template: {error}") from None

    def render(messages: Sequence[Message]) -> str:
        chat = [{"role": item.role, "content": item.text} for item in messages]
        try:
            return template.render(messages=chat, add_generation_prompt=True)
        except TemplateError as error:
            raise bad_request(f"the chat template refuses: {error}", "messages") from None

    return render
