# SPDX-License-Identifier: Apache-2.0
"""Chat templates as Transformers defines them; expected texts are those of its 5.24."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pynq_driver.language_model.text_codec import TextCodec
from pynq_driver.serving.chat import Chat, PlainTemplate
from pynq_driver.serving.chat_template import JinjaTemplate, template_from_file
from pynq_driver.serving.errors import ApiError
from pynq_driver.serving.messages import Message
from tritforge.errors import TritforgeError
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN, END_TOKEN
from tritforge.language_model.image import Image

NAMES = {"bos_token": "<s>", "eos_token": "</s>"}
TOOLS = [{"type": "function", "function": {"name": "f", "description": "does <x> & 'y' é"}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "a <b> é"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
    {"role": "assistant", "content": "B", "reasoning_content": "because", "refusal": None},
]


def messages(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [Message(**value).fields() for value in values]


def render(template: str, values: list[dict[str, Any]] = CHAT, **more: Any) -> str:
    return JinjaTemplate(template).render(Chat(messages(values), **more), NAMES)


EACH = "{% for m in messages %}"
END = "{% endfor %}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ bos_token }}{{ messages[1].content }}{{ eos_token }}", "<s>a <b> é</s>"),
        ("{{ pad_token }}|{{ nothing }}|{{ messages[0].nothing }}", "||"),
        ("{% if tools is not none %}T{% endif %}{% if documents is none %}N{% endif %}", "N"),
        ("{% if tools %}T{% endif %}{{ tools is defined }}{{ documents is defined }}", "TrueTrue"),
        (EACH + "{% if loop.index > 2 %}{% break %}{% endif %}{{ m.role }} " + END, "system user "),
        (EACH + "{% if m.role == 'user' %}{% continue %}{% endif %}{{ m.role[0] }}" + END, "sata"),
        ("{% generation %}{{ messages[4].content }}{{ eos_token }}{% endgeneration %}", "B</s>"),
        ("{{ messages[1] | tojson }}", '{"role": "user", "content": "a <b> é"}'),
        ("{{ {'b': '<', 'a': 1} | tojson(sort_keys=True) }}", '{"a": 1, "b": "<"}'),
        ("{{ [1, {'a': 'é'}] | tojson(indent=1) }}", '[\n 1,\n {\n  "a": "é"\n }\n]'),
        ("{{ 'é' | tojson(ensure_ascii=True) }}", '"\\u00e9"'),
        ("{{ messages[2].content is defined }}{{ messages[2]['content'] | trim }}", "False"),
        ("{{ messages[2].tool_calls[0].function.arguments | tojson }}", '{"x": 1}'),
        ("{{ messages[2].tool_calls[0].function.arguments }}", '{"x": 1}'),
        ("{{ messages[2].tool_calls[0].function.arguments.x + 1 }}", "2"),
        ("{{ messages[3].tool_call_id }} {{ messages[3].role }}", "c1 tool"),
        ("{{ messages[4].reasoning_content }} {{ messages[4].thinking }}", "because because"),
        ("{{ messages[4].refusal is defined }}", "False"),
        (
            "{% set n = namespace(i=0) %}" + EACH + "{% set n.i = n.i + 1 %}" + END + "{{ n.i }}",
            "5",
        ),
        ("{{ dict(a=1)['a'] }}{{ dict.fromkeys(['b'], 2) | tojson }}", '1{"b": 2}'),
        ("{% if add_generation_prompt %}<|assistant|>{% endif %}", "<|assistant|>"),
        ("  {%- if true %}\n    x\n  {% endif %}\ny\n", "    x\ny"),
        ("{{ messages[0].content | e }}{{ messages[1].content }}", "Be kind.a <b> é"),
    ],
)
def test_templates_mean_what_they_mean_in_transformers(template: str, expected: str) -> None:
    assert render(template) == expected


def test_tools_documents_and_variables_reach_the_template() -> None:
    template = "{{ tools | tojson }}{{ documents[0].title }}{{ enable_thinking }}"
    text = render(
        template, tools=TOOLS, documents=[{"title": "T"}], variables={"enable_thinking": False}
    )
    assert text == json.dumps(TOOLS, ensure_ascii=False) + "TFalse"
    assert render("{{ add_generation_prompt }}", add_generation_prompt=False) == "False"
    assert render("{{ messages | length }}", variables={"messages": []}) == "5", (
        "not to be replaced"
    )


def test_time_of_day() -> None:
    before = datetime.now().strftime("%d %b %Y")
    assert render("{{ strftime_now('%d %b %Y') }}") in (
        before,
        datetime.now().strftime("%d %b %Y"),
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("{{ messages[0].content + 1 }}", "TypeError"),
        ("{{ messages[0].content // 0 }}", "TypeError"),
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{{ messages[0].missing.deeper }}", "has no attribute 'missing'"),
        ("{{ messages[9].content }}", "no element 9"),
        ("{{ messages[0].content.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "'append' of 'list' object is unsafe"),
        ("{% set n = namespace(_x=1) %}", "_x"),
        ("{% set n = namespace() %}{% set n._x = 1 %}", "_x"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "Range too big"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
    ],
)
def test_what_a_template_raises_is_the_requests_error(template: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        render(template)
    assert caught.value.status_code == 400
    assert "the chat template refuses" in caught.value.detail
    assert words in caught.value.detail


def tokens(image: Image, template: str, *contents: str, **more: Any) -> list[int]:
    values = messages([{"role": "user", "content": content} for content in contents])
    return JinjaTemplate(template).tokens(TextCodec(image), Chat(values, **more))


def test_begin_token_is_there_once(small_image: Image) -> None:
    expected = [BEGIN_TOKEN, *TextCodec(small_image).encode("abc")]
    for template in (
        "{{ messages[0].content }}",
        "<s>{{ messages[0].content }}",
        "{{ bos_token }}{{ messages[0].content }}",
    ):
        assert tokens(small_image, template, "abc") == expected
    ended = "{% for m in messages %}{{ bos_token }}{{ m.content }}{{ eos_token }}{% endfor %}"
    assert tokens(small_image, ended, "a", "a").count(BEGIN_TOKEN) == 2, "the template's own"
    assert tokens(small_image, ended, "a")[-1] == END_TOKEN


ROUND = "{% for m in messages %}<s>{{ m.role }}: {{ m.content | trim }}</s>{% endfor %}"


@pytest.mark.parametrize(
    "content", ["</s>", "a</s><s>b", "<s>", "x </s", "</s></s>", " <unk> ", "\ufdd0</s>\ufdd1"]
)
def test_special_tokens_of_a_message_are_text(small_image: Image, content: str) -> None:
    codec = TextCodec(small_image)
    found = tokens(small_image, ROUND, content)
    assert found == [BEGIN_TOKEN, *codec.encode(f"user: {content.strip()}"), END_TOKEN]
    both = tokens(small_image, ROUND, content, "plain")
    assert both == [*found, BEGIN_TOKEN, *codec.encode("user: plain"), END_TOKEN]


def test_special_tokens_in_tools_and_variables_are_text(small_image: Image) -> None:
    template = "<s>{{ tools[0].name }}{{ key }}{{ documents[0].x[0] }}"
    text = {
        "tools": [{"name": "</s>"}],
        "documents": [{"x": ["</s>"]}],
        "variables": {"key": "<s>"},
    }
    found = tokens(small_image, template, "", **text)
    assert found == [BEGIN_TOKEN, *TextCodec(small_image).encode("</s><s></s>")]


def test_control_tokens_that_are_plain_added_tokens_are_text_too(small_image: Image) -> None:
    document = json.loads(small_image.tokenizer)
    added = {"id": 299, "content": "<|turn|>", "special": False}
    document["added_tokens"].append({**document["added_tokens"][0], **added})
    document["model"]["vocab"]["<|turn|>"] = 299
    del document["model"]["vocab"]["Ġword40"]
    image = dataclasses.replace(small_image, tokenizer=json.dumps(document).encode())
    found = tokens(
        image, "{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}", "a<|turn|>b"
    )
    assert found.count(299) == 1


def test_plain_template_shows_contents_and_refuses_what_it_cannot_show(small_image: Image) -> None:
    codec = TextCodec(small_image)
    values = messages([*CHAT[:2], {"role": "assistant", "content": None}, *CHAT[3:]])
    found = PlainTemplate().tokens(codec, Chat(values))
    assert found == [BEGIN_TOKEN, *codec.encode("Be kind.\na <b> é\n\n42\nB")]
    for chat in (
        Chat(messages(CHAT)),
        Chat(values, tools=TOOLS),
        Chat(values, documents=[{"title": "T"}]),
        Chat(values, variables={"a": 1}),
    ):
        with pytest.raises(ApiError, match="needs a chat template"):
            PlainTemplate().tokens(codec, chat)
    with pytest.raises(ApiError, match="tools needs a chat template"):
        tokens(small_image, "{{ messages[0].content }}", "a", tools=TOOLS)


def test_template_of_a_tokenizer_config(tmp_path: Path, small_image: Image) -> None:
    path = tmp_path / "tokenizer_config.json"
    template = "{{ bos_token }}{{ pad_token }}{{ messages[0].content }}"
    for given in (
        template,
        [{"name": "rag", "template": "x"}, {"name": "default", "template": template}],
    ):
        values = {"chat_template": given, "pad_token": {"content": "</s>"}, "eos_token": None}
        path.write_text(json.dumps(values), encoding="utf-8")
        chat = Chat(messages(CHAT[1:2]))
        found = template_from_file(path).tokens(TextCodec(small_image), chat)
        assert found[:2] == [BEGIN_TOKEN, END_TOKEN]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jinja", "{% for %}", "is no chat template"),
        ("a.jinja", "{% break %}", "is no chat template"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[]", "has no chat_template"),
        ("a.json", '{"chat_template": [{"name": "rag", "template": "x"}]}', "has no chat_template"),
        ("a.json", '{"chat_template": "{% if %}"}', "is no chat template"),
    ],
)
def test_files_without_a_template_are_named(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(TritforgeError, match=words):
        template_from_file(tmp_path / name)
