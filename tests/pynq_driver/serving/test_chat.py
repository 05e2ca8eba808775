# SPDX-License-Identifier: Apache-2.0
"""Chat templates of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynq_driver.serving.chat import template_from_file
from pynq_driver.serving.errors import ApiError
from pynq_driver.serving.requests import Message

CHATS = [Message(role="system", content="Be kind."), Message(role="user", content="Hello")]


def test_chat_template_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "template.jinja"
    path.write_text(
        "{% for message in messages %}<|{{ message.role }}|>{{ message['content'] | trim }}\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
        encoding="utf-8",
    )
    text = template_from_file(path)(CHATS)
    assert text == "<|system|>Be kind.\n<|user|>Hello\n<|assistant|>"


@pytest.mark.parametrize(
    "template, words",
    [
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("{{ messages[0].content.__class__.__mro__ }}", "unsafe"),
        ("{{ nothing }}", "undefined"),
        ("{{ messages.append(1) }}", "'append' of 'list' object is unsafe"),
    ],
)
def test_chat_template_that_refuses_is_the_requests_error(
    tmp_path: Path, template: str, words: str
) -> None:
    path = tmp_path / "template.jinja"
    path.write_text(template, encoding="utf-8")
    render = template_from_file(path)
    with pytest.raises(ApiError) as caught:
        render(CHATS)
    assert words in caught.value.detail
