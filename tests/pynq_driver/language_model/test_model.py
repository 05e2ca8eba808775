# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pynq_driver import EMBEDDED_MODEL, LanguageModel, Sampling, load
from tritforge.errors import ConfigurationError, TritforgeError


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load(threads=1)


def test_three_lines_give_a_story() -> None:
    model = load()
    text = "".join(model.generate("Once upon a time", seed=1, max_tokens=40))
    assert len(text.split()) > 20


def test_pieces_join_to_the_decoded_tokens(model: LanguageModel) -> None:
    generation = model.generate("The little bird", seed=4, max_tokens=80)
    text = "".join(generation)
    assert "The little bird" + text == model.decode(generation.prompt_tokens + generation.tokens)
    assert generation.statistics.generated_tokens == len(generation.tokens)
    assert generation.statistics.prompt_tokens == len(generation.prompt_tokens)


def test_each_generation_starts_from_the_empty_context(model: LanguageModel) -> None:
    first = list(model.generate("Tom and his dog", seed=2, max_tokens=30))
    list(model.generate("It was a cold night", seed=3, max_tokens=30))
    assert list(model.generate("Tom and his dog", seed=2, max_tokens=30)) == first


def test_abandoned_generation_leaves_the_model_usable(model: LanguageModel) -> None:
    first = list(model.generate("Tom and his dog", seed=2, max_tokens=30))
    next(model.generate("Lily had", seed=1))
    assert list(model.generate("Tom and his dog", seed=2, max_tokens=30)) == first


def test_story_ends_by_itself_and_ignore_end_goes_on(model: LanguageModel) -> None:
    ended = model.generate("Once upon a time", seed=1)
    list(ended)
    assert ended.tokens[-1] == model.image.header.end_token
    longer = model.generate("Once upon a time", seed=1, max_tokens=300, ignore_end=True)
    list(longer)
    assert len(longer.tokens) == 300
    assert model.image.header.end_token not in longer.tokens


def test_empty_prompt_and_unicode_prompt_work(model: LanguageModel) -> None:
    assert "".join(model.generate(seed=1, max_tokens=10))
    assert "".join(model.generate("Zoë 🐦 said", seed=1, max_tokens=10))


def test_long_prompt_is_read_in_pieces(model: LanguageModel) -> None:
    generation = model.generate("One day, a dog ran. " * 40, max_tokens=1, temperature=0)
    list(generation)
    assert generation.statistics.prompt_tokens > 128
    golden = load(backend="golden").generate(
        "One day, a dog ran. " * 40, max_tokens=1, temperature=0
    )
    list(golden)
    assert golden.tokens == generation.tokens


def test_numbers_of_numpy_are_numbers(model: LanguageModel) -> None:
    plain = model.generate("x", max_tokens=6, seed=3, top_k=40, top_p=0.5, temperature=0.5)
    given = model.generate(
        "x",
        max_tokens=np.int64(6),  # type: ignore[arg-type]
        seed=np.uint32(3),  # type: ignore[arg-type]
        top_k=np.int16(40),  # type: ignore[arg-type]
        top_p=np.float32(0.5),  # type: ignore[arg-type]
        temperature=np.float16(0.5),  # type: ignore[arg-type]
    )
    assert list(given) == list(plain) and given.tokens == plain.tokens
    assert load(threads=np.int8(1)).backend.threads == 1  # type: ignore[arg-type, attr-defined]
    assert type(Sampling(top_k=np.int64(3)).top_k) is int  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="top_k"):
        model.generate("x", top_k=np.bool_(True))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"temperature": -1.0}, ["temperature", "-1", "0 (greedy) to 100"]),
        ({"temperature": float("nan")}, ["temperature"]),
        ({"top_p": 0.0}, ["top_p", "above 0, at most 1"]),
        ({"top_k": -3}, ["top_k", "-3"]),
        ({"max_tokens": -1}, ["max_tokens", "-1"]),
        ({"seed": -2}, ["seed", "-2"]),
        ({"ignore_end": True, "max_tokens": 0}, ["max_tokens"]),
    ],
)
def test_values_out_of_range_are_named(
    model: LanguageModel, options: dict[str, float], words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        model.generate("x", **options)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


def test_lone_surrogate_in_a_prompt_is_the_users_mistake(model: LanguageModel) -> None:
    with pytest.raises(ConfigurationError, match="Unicode"):
        model.generate("bad \ud800")


def test_unknown_backend_and_threads_are_named() -> None:
    with pytest.raises(ConfigurationError, match="'gpu' is unknown: choose one of cpu"):
        load(backend="gpu")
    with pytest.raises(ConfigurationError, match="threads = 0 is out of range"):
        load(threads=0)


def test_missing_file_and_foreign_file(tmp_path: Path) -> None:
    with pytest.raises(TritforgeError, match="cannot read"):
        load(tmp_path / "none.tritforge")
    with pytest.raises(TritforgeError, match="not a Tritforge image"):
        load(Path(__file__))


def test_embedded_model_is_the_documented_one(model: LanguageModel) -> None:
    assert EMBEDDED_MODEL.stat().st_size < 8e6
    assert model.image.header.shape.ternary_weights == 15_728_640
