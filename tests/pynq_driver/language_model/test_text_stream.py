# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from pynq_driver.language_model.text_stream import StopSequences, TextStream
from tritforge.language_model.convert.random_checkpoint import byte_tokenizer

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def byte_fallback() -> Tokenizer:
    """As the tokenizers of Llama and Mistral: words with a mark for the space, bytes beside."""
    vocabulary = {"<unk>": 0, "▁word": 1, "▁": 2, "s": 3}
    vocabulary |= {f"<0x{byte:02X}>": 4 + byte for byte in range(256)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True)
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


TOKENIZERS = {"byte level": byte_tokenizer(300), "byte fallback": byte_fallback()}


def byte_tokens(name: str, text: str) -> list[int]:
    """A tokenizer with one token per byte."""
    if name == "byte fallback":
        return [4 + byte for byte in text.encode()]
    ids: list[int] = TOKENIZERS[name].encode(text, add_special_tokens=False).ids
    return ids


def joined(tokenizer: Tokenizer, prompt: list[int], tokens: list[int]) -> list[str]:
    stream = TextStream(tokenizer, prompt)
    return [*(stream.push(token) for token in tokens), stream.flush()]


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=st.text(max_size=20))
def test_characters_split_over_tokens_come_out_whole(name: str, text: str) -> None:
    tokens = byte_tokens(name, text)
    pieces = joined(TOKENIZERS[name], [], tokens)
    expected = TOKENIZERS[name].decode(tokens)
    assert "".join(pieces) == expected
    if REPLACEMENT not in text:
        assert not any(REPLACEMENT in piece for piece in pieces)


@given(tokens=st.lists(st.integers(0, 299), max_size=40))
def test_any_byte_level_tokens_join_to_the_text_of_all(tokens: list[int]) -> None:
    tokenizer = TOKENIZERS["byte level"]
    assert "".join(joined(tokenizer, [], tokens)) == tokenizer.decode(tokens)


@given(tokens=st.lists(st.integers(0, 259), max_size=40))
def test_invalid_bytes_are_no_error_with_byte_fallback(tokens: list[int]) -> None:
    pieces = joined(TOKENIZERS["byte fallback"], [1], tokens)
    assert all(isinstance(piece, str) for piece in pieces)


def test_space_between_prompt_and_first_word_is_kept() -> None:
    assert "".join(joined(TOKENIZERS["byte fallback"], [1], [1, 3, 1])) == " words word"
    assert "".join(joined(TOKENIZERS["byte fallback"], [], [1, 3, 1])) == "words word"


def test_incomplete_last_character_is_shown_as_replacement() -> None:
    for name, tokenizer in TOKENIZERS.items():
        tokens = byte_tokens(name, "a€")[:-1]
        pieces = joined(tokenizer, [], tokens)
        assert pieces[0] == "a" and pieces[1:-1] == ["", ""], name
        assert set(pieces[-1]) == {REPLACEMENT}


@given(
    text=st.text("ab<>", max_size=30),
    stops=st.lists(st.text("ab<>", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_stop_sequences_do_not_depend_on_the_cuts(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    borders = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(borders)]
    stop = StopSequences(stops)
    shown = "".join(stop.push(piece) for piece in pieces) + stop.flush()
    # By definition: the shortest beginning of the text that ends with a stop sequence, less it.
    ended = next(
        (
            (end, max(map(len, matches)))
            for end in range(1, len(text) + 1)
            if (matches := [item for item in stops if text[:end].endswith(item)])
        ),
        None,
    )
    assert stop.found == (ended is not None)
    assert shown == (text if ended is None else text[: ended[0] - ended[1]])


def test_nothing_that_may_become_a_stop_sequence_is_shown_early() -> None:
    stop = StopSequences(["</end>"])
    assert [stop.push(piece) for piece in ("a<", "/en", "d", "x", "</end>", "more")] == [
        "a",
        "",
        "",
        "</endx",
        "",
        "",
    ]
    assert stop.found and stop.flush() == ""
