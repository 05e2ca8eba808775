# SPDX-License-Identifier: Apache-2.0
"""Loading of the tokenizer that a model image carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritforge.errors import ImageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def load_tokenizer(content: bytes) -> Tokenizer:
    """Tokenizer from the content of a `tokenizer.json`.

    Raises:
        ImageError: not a tokenizer.
    """
    # Imported late: its library takes memory that an engine without text need not have.
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(content.decode("utf-8"))
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the Rust library is no Exception
        raise ImageError(f"the tokenizer cannot be loaded: {str(error)[:200]}") from None
