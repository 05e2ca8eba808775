# SPDX-License-Identifier: Apache-2.0
"""Chat templates in Jinja2, as Transformers defines them.

The environment is that of `apply_chat_template` (transformers/utils/chat_template_utils.py):
sandboxed, blocks trimmed, lenient with undefined names, `break` and `continue`,
`{% generation %}`, `raise_exception`, `strftime_now`, a `tojson` without HTML escapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from pynq_driver.language_model.text_codec import TextCodec
from pynq_driver.serving.chat import TEMPLATE_VARIABLES, Chat, template_needed
from pynq_driver.serving.control_tokens import ControlTokenMarks
from pynq_driver.serving.errors import bad_request
from tritforge.errors import TritforgeError

#: Names of special tokens that templates use.
TOKEN_NAMES = ("bos_token", "eos_token", "pad_token", "unk_token")
_LONGEST_MESSAGE = 500


class JinjaTemplate:
    """A chat template.

    Attributes:
        source: its text.
        names: special tokens that its file names, such as bos_token.
    """

    def __init__(self, source: str, names: Mapping[str, str] | None = None) -> None:
        """
        Raises:
            jinja2.TemplateError: not a template.
        """
        self.source = source
        self.names = dict(names or {})
        environment = _environment()
        self._template = environment.from_string(source)
        self._variables = meta.find_undeclared_variables(environment.parse(source))
        self._codecs: dict[TextCodec, TextCodec] = {}

    def tokens(self, codec: TextCodec, chat: Chat) -> list[int]:
        """See ChatTemplate."""
        for name, value in (("tools", chat.tools), ("documents", chat.documents)):
            if value and name not in self._variables:
                raise template_needed(name)
        codec = self._codec(codec)
        marks = ControlTokenMarks(codec, chat)
        text = self.render(marks.marked, {**codec.token_names, **self.names})
        return codec.with_begin(marks.tokens(text))

    def render(self, chat: Chat, names: Mapping[str, str]) -> str:
        """Text of the prompt.

        Args:
            names: special tokens by name, such as bos_token.

        Raises:
            ApiError: whatever the template raises is a mistake in the request.
        """
        given = {name: getattr(chat, name) for name in TEMPLATE_VARIABLES}
        given["messages"] = [_with_objects(message) for message in chat.messages]
        try:
            return self._template.render({**names, **chat.variables, **given})
        except Exception as error:  # a template may do anything to the messages
            kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
            text = f"the chat template refuses: {kind}{error}"
            raise bad_request(text[:_LONGEST_MESSAGE], "messages") from None

    def _codec(self, codec: TextCodec) -> TextCodec:
        """The codec with every added token that the template writes as a special one.

        Some tokenizers have their control tokens as plain added tokens, and the text of a message
        must not become one.
        """
        if codec not in self._codecs:
            written = {
                name for name in codec.added_names if name in self.source and not name.isspace()
            }
            more = written - codec.special_names
            self._codecs[codec] = codec.with_special(more) if more else codec
        return self._codecs[codec]


class _Arguments(dict[str, Any]):
    """Arguments of a tool call: an object for templates that take one, its JSON where printed."""

    def __init__(self, values: Mapping[str, Any], text: str) -> None:
        super().__init__(values)
        self._text = text

    def __str__(self) -> str:
        return self._text


def _with_objects(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message whose tool calls have objects as arguments; the OpenAI API sends JSON texts."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_with_object(call) for call in calls]}


def _with_object(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return call
    text: str = function["arguments"]
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return call
    if not isinstance(values, dict):
        return call
    return {**dict(call), "function": {**function, "arguments": _Arguments(values, text)}}


def template_from_file(path: Path) -> JinjaTemplate:
    """A template from a Jinja2 file, or from `chat_template` of a `tokenizer_config.json`.

    Raises:
        TritforgeError: the file cannot be read or has no template.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return JinjaTemplate(*_from_configuration(path, json.loads(text)))
        return JinjaTemplate(text)
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TritforgeError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except (TemplateError, SyntaxError, RecursionError) as error:  # a break outside of a loop
        raise TritforgeError(f"{path} is no chat template: {error}") from None
    except ValueError as error:
        raise TritforgeError(f"{path} is not valid JSON: {error}") from None


def _from_configuration(path: Path, values: Any) -> tuple[str, dict[str, str]]:
    """Template and names of special tokens of a `tokenizer_config.json`."""
    values = values if isinstance(values, dict) else {}
    template = values.get("chat_template")
    if isinstance(template, list):  # several templates by name
        named = [item for item in template if isinstance(item, dict)]
        template = next(
            (item.get("template") for item in named if item.get("name") == "default"), None
        )
    if not isinstance(template, str):
        raise TritforgeError(f"{path} has no chat_template: give the template's own file")
    names = {}
    for name in TOKEN_NAMES:
        value = values.get(name)
        value = value.get("content") if isinstance(value, dict) else value
        if isinstance(value, str):
            names[name] = value
    return template, names


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(
        raise_exception=_raise_exception,
        strftime_now=lambda form: datetime.now().strftime(form),
        dict=_TemplateDict(),
        namespace=_TemplateNamespace,
    )
    return environment


class _GenerationBlock(Extension):
    """`{% generation %}`: marks what a model generates for training; here only its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """The statements of the block, in a scope of their own."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_content"), [], [], body).set_lineno(line)

    @staticmethod
    def _content(caller: Callable[[], str]) -> str:
        return caller()


class _TemplateDict:
    """`dict` for templates, without the attributes of a class."""

    def __call__(self, *values: Any, **named: Any) -> dict[Any, Any]:
        return dict(*values, **named)

    def fromkeys(self, *values: Any) -> dict[Any, Any]:
        """See dict.fromkeys."""
        return dict.fromkeys(*values)


class _TemplateNamespace(Namespace):
    """`namespace` for templates, without names of the interpreter's own."""

    def __init__(*values: Any, **named: Any) -> None:  # `self` may be one of the names
        self, *rest = values
        attributes = dict(*rest, **named)
        for name in attributes:
            _check_name(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace cannot have {name!r}: names begin with a letter")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja2's own filter escapes HTML, which a prompt is not."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    raise TemplateError(message)
