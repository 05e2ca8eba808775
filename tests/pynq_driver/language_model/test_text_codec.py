# SPDX-License-Identifier: Apache-2.0
"""Text to tokens: what a tokenizer.json brings along must not change what is encoded."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from pynq_driver import LanguageModel, load
from pynq_driver.language_model.backends.opening import open_backend
from pynq_driver.language_model.text_codec import TextCodec
from testing.random_model import SMALL_SHAPE
from tritforge.errors import ConfigurationError, ImageError
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.random_checkpoint import (
    BEGIN_TOKEN,
    END_TOKEN,
    byte_tokenizer,
    write_random_checkpoint,
)
from tritforge.language_model.image import Image

TEXT = "the fox ran. " * 20


def with_tokenizer(image: Image, tokenizer: Tokenizer) -> Image:
    return dataclasses.replace(image, tokenizer=tokenizer.to_str().encode())


def with_added_tokens(image: Image, change: Any) -> Image:
    document = json.loads(image.tokenizer)
    for token in document["added_tokens"]:
        change(token)
    return dataclasses.replace(image, tokenizer=json.dumps(document).encode())


def test_truncation_and_padding_of_a_training_run_are_not_applied(small_image: Image) -> None:
    tokenizer = byte_tokenizer(300)
    tokenizer.enable_truncation(max_length=8, stride=2)
    tokenizer.enable_padding(length=1000, pad_id=0)
    codec = TextCodec(with_tokenizer(small_image, tokenizer))
    assert codec.encode(TEXT) == TextCodec(small_image).encode(TEXT)
    assert codec.parse(TEXT) == TextCodec(small_image).parse(TEXT)
    assert len(codec.encode(TEXT)) == len(TEXT)


def test_calibration_is_not_truncated_either(tmp_path: Path) -> None:
    images = []
    for name in ("plain", "truncated"):
        write_random_checkpoint(tmp_path / name, SMALL_SHAPE)
        if name == "truncated":
            tokenizer = byte_tokenizer(SMALL_SHAPE.vocabulary)
            tokenizer.enable_truncation(max_length=4)
            (tmp_path / name / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
        path = tmp_path / f"{name}.tritforge"
        convert(tmp_path / name, path, ConversionOptions(name="same"))
        images.append(load(path, backend="golden").image)
    assert images[0].parameter_stream.tobytes() == images[1].parameter_stream.tobytes()


@pytest.mark.parametrize("text", ["</s>Once<s>", "a</s>", "<unk>", "<s>", "x <s> y"])
def test_names_of_special_tokens_are_text_unless_asked_for(small_image: Image, text: str) -> None:
    model = LanguageModel(small_image, open_backend("golden", small_image))
    plain = model.encode(text)
    assert plain[0] == BEGIN_TOKEN
    assert not {0, BEGIN_TOKEN, END_TOKEN} & set(plain[1:])
    assert model.decode(plain) == text
    parsed = model.encode(text, special_tokens=True)
    assert {0, BEGIN_TOKEN, END_TOKEN} & set(parsed[1:]) or text == "<s>"
    assert parsed.count(BEGIN_TOKEN) == max(1, text.count("<s>") + (text[:3] != "<s>"))
    assert model.generate(text, max_tokens=1).prompt_tokens == plain
    assert model.generate(text, max_tokens=1, special_tokens=True).prompt_tokens == parsed


def test_end_token_that_is_a_plain_added_token_is_special_all_the_same(small_image: Image) -> None:
    image = with_added_tokens(small_image, lambda token: token.update(special=False))
    codec = TextCodec(image)
    assert END_TOKEN not in codec.encode("a</s>b")
    assert codec.parse("a</s>")[-1] == END_TOKEN
    assert codec.decode([*codec.encode("a"), END_TOKEN]) == "a"


def test_what_the_library_raises_is_a_message(
    small_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """A panic of the Rust library is no Exception."""

    class Broken:
        def encode(self, *arguments: Any, **options: Any) -> None:
            raise Panic("index out of bounds")

        decode = encode

    codec = TextCodec(small_image)
    codec.tokenizer = codec._parser = Broken()
    for call in (codec.encode, codec.parse, lambda text: codec.decode([5])):
        with pytest.raises(ImageError, match=r"the tokenizer cannot .*index out of bounds"):
            call("x")


def test_long_texts_are_encoded_like_short_ones(
    small_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = TextCodec(small_image)
    text = "the fox </s> é ran. " * 30
    expected = codec.encode(text), codec.parse(text)
    monkeypatch.setattr("tritforge.language_model.tokenizer.LONG_TEXT", 0)
    assert (codec.encode(text), codec.parse(text)) == expected


def test_other_threads_run_while_a_long_text_is_encoded(small_image: Image) -> None:
    codec, ticks, ended = TextCodec(small_image), [], threading.Event()

    def tick() -> None:
        while not ended.wait(0.001):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    started = time.monotonic()
    codec.encode("one day, a dog ran. " * 60_000)
    seconds = time.monotonic() - started
    ended.set()
    thread.join()
    pauses = [later - earlier for earlier, later in itertools.pairwise(ticks)]
    assert max(pauses) < max(0.5 * seconds, 0.2)


def test_decoding_checks_ids_and_takes_those_of_numpy(small_image: Image) -> None:
    codec = TextCodec(small_image)
    assert codec.decode(np.array(codec.encode("abc"))) == "abc"
    for token in (-1, 300, 1 << 70, True, 1.0):
        with pytest.raises(ConfigurationError, match="token"):
            codec.decode([token])
