# SPDX-License-Identifier: Apache-2.0
"""The tokenizer that a model image carries: text to token ids, without surprises.

Truncation and padding are settings of a training run, so they are switched off, as Transformers
does. Names of special tokens in a text are text unless asked for: `</s>` in somebody's prompt must
not become the end token.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tritforge.errors import ConfigurationError, ImageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


#: Characters from which on a text is encoded as a batch of one: the library then lets other threads
#: run meanwhile, which a server needs.
LONG_TEXT = 1 << 15


def load_tokenizer(
    content: bytes, *, parse_special: bool = False, special: Collection[str] = ()
) -> Tokenizer:
    """Tokenizer from the content of a `tokenizer.json`, without truncation and padding.

    Args:
        parse_special: names of special tokens in a text become these tokens.
        special: added tokens that count as special whatever the file says of them.

    Raises:
        ImageError: not a tokenizer.
    """
    # Imported late: its library takes memory that an engine without text need not have.
    from tokenizers import Tokenizer

    with tokenizer_errors("cannot be loaded"):
        text = content.decode("utf-8")
        tokenizer = Tokenizer.from_str(_with_special(text, special) if special else text)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = not parse_special
    return tokenizer


def _with_special(text: str, special: Collection[str]) -> str:
    document = json.loads(text)
    for token in document["added_tokens"]:
        token["special"] = token["special"] or token["content"] in special
    return json.dumps(document)


def encode_text(tokenizer: Tokenizer, text: str, vocabulary: int) -> list[int]:
    """Token ids of `text`, without those that the tokenizer would add around it.

    Raises:
        ConfigurationError: the text is not valid Unicode.
        ImageError: the tokenizer fails, or gives an id outside the vocabulary.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigurationError("the text is not valid Unicode: give UTF-8") from None
    with tokenizer_errors("cannot encode this text"):
        if len(text) < LONG_TEXT:
            ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        else:
            ids = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    if max(ids, default=0) >= vocabulary:
        raise ImageError(
            f"the tokenizer gives token {max(ids)}, the vocabulary ends at {vocabulary - 1}"
        )
    return ids


@contextmanager
def tokenizer_errors(what: str) -> Iterator[None]:
    """Turns whatever the tokenizer's library raises into a message.

    Raises:
        ImageError: `what`, and what the library says.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the Rust library is no Exception
        raise ImageError(f"the tokenizer {what}: {str(error)[:200]}") from None
