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


#: Characters of one to four bytes; a run of them is a run of byte tokens.
_SCRIPTS = ("កម្ពុជា", "አማርኛ", "🦊🐦", "aé€", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("name", TOKENIZERS)
@given(
    prompt=st.lists(st.sampled_from(_SCRIPTS), max_size=8).map("".join),
    text=st.lists(st.sampled_from(_SCRIPTS), min_size=1, max_size=4).map("".join),
)
def test_continuation_is_text_whatever_the_prompt_ends_in(
    name: str, prompt: str, text: str
) -> None:
    """The context of the first piece may begin anywhere in the prompt's last characters."""
    pieces = joined(TOKENIZERS[name], byte_tokens(name, prompt), byte_tokens(name, text))
    assert "".join(pieces) == text


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_character_that_the_prompt_begins_is_shown_once_complete(name: str, count: int) -> None:
    """Prompts of token ids may end inside a character."""
    tokens = byte_tokens(name, "a🦊b")
    assert "".join(joined(TOKENIZERS[name], tokens[: 1 + count], tokens[1 + count :])) == "🦊b"


@pytest.mark.parametrize("name", TOKENIZERS)
def test_an_invalid_byte_harms_no_character_after_it(name: str) -> None:
    tokens = byte_tokens(name, "ក")
    good = byte_tokens(name, "កខ")
    pieces = joined(TOKENIZERS[name], byte_tokens(name, "a"), [tokens[1], *good, tokens[0], *good])
    assert "".join(pieces) == f"{REPLACEMENT}កខ{REPLACEMENT}កខ"
    assert pieces[3] == "ក", "it came when it was complete"


@pytest.mark.parametrize("name", TOKENIZERS)
def test_endless_invalid_bytes_are_shown_as_they_come(name: str) -> None:
    """A model may go on so for ever: neither text nor time may pile up."""
    broken = byte_tokens(name, "ក")[1]
    stream = TextStream(TOKENIZERS[name], byte_tokens(name, "a"))
    pieces = [stream.push(broken) for _ in range(300)]
    assert len("".join(pieces)) >= 299
    assert len(stream._window) <= 65
    assert set("".join([*pieces, stream.flush()])) == {REPLACEMENT}


def test_special_token_inside_a_character_is_left_out() -> None:
    tokenizer = Tokenizer.from_str(TOKENIZERS["byte fallback"].to_str())
    tokenizer.add_special_tokens(["</s>"])
    end = tokenizer.token_to_id("</s>")
    first, *rest = byte_tokens("byte fallback", "ក")
    tokens = [first, end, *rest]
    assert "".join(joined(tokenizer, [1], tokens)) == "ក" == tokenizer.decode([first, *rest])


def test_byte_tokens_are_words_where_the_decoder_has_no_byte_fallback() -> None:
    tokenizer = Tokenizer.from_str(TOKENIZERS["byte fallback"].to_str())
    tokenizer.decoder = decoders.Fuse()
    assert "".join(joined(tokenizer, [1], byte_tokens("byte fallback", "é"))) == "<0xC3><0xA9>"


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
