# SPDX-License-Identifier: Apache-2.0
"""The tokenizer of an image: text there and back, and one kind of error for whatever is broken."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tokenizers

from testing.repository import ROOT
from tritforge.errors import ImageError
from tritforge.language_model.convert.random_checkpoint import byte_tokenizer
from tritforge.language_model.image import Image
from tritforge.language_model.tokenizer import load_tokenizer


def test_the_tokenizer_of_an_image_works(small_image: Image) -> None:
    tokenizer = load_tokenizer(small_image.tokenizer)
    ids = tokenizer.encode("Hello", add_special_tokens=False).ids
    assert tokenizer.decode(ids) == "Hello"


@pytest.mark.parametrize("text", ["Once upon a time", "größer ½ 三 🦊", " two  spaces ", ""])
def test_text_comes_back(text: str) -> None:
    original = byte_tokenizer()
    loaded = load_tokenizer(original.to_str().encode())
    ids = loaded.encode(text, add_special_tokens=False).ids
    assert ids == original.encode(text, add_special_tokens=False).ids
    assert len(ids) == len(text.encode())
    assert loaded.decode(ids) == text


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1]", b'{"model": {"type": "BPE"}}'])
def test_a_broken_tokenizer_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError, match="tokenizer cannot be loaded"):
        load_tokenizer(content)


class Panic(BaseException):
    """As the exception of a panic in the Rust library, which is no Exception."""


class FailingTokenizer:
    """Raises `error` for any content."""

    error: BaseException = Panic("index out of bounds" + "!" * 5000)

    @classmethod
    def from_str(cls, text: str) -> None:
        raise cls.error


def test_a_panic_of_the_library_is_an_error_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "Tokenizer", FailingTokenizer)
    with pytest.raises(ImageError, match="index out of bounds!") as error:
        load_tokenizer(b"{}")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupt_is_no_error_of_the_image(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(FailingTokenizer, "error", error())
    monkeypatch.setattr(tokenizers, "Tokenizer", FailingTokenizer)
    with pytest.raises(error):
        load_tokenizer(b"{}")


def test_the_library_is_imported_only_when_text_is_needed() -> None:
    program = (
        "import sys, tritforge.language_model.tokenizer\n"
        "assert 'tokenizers' not in sys.modules, 'imported too early'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
