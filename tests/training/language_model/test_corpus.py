# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from training.language_model.corpus import (
    documents_of,
    encode_corpus,
    tokenizer_of,
    train_tokenizer,
)
from tritforge.errors import TritforgeError
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN, END_TOKEN


def test_every_twentieth_document_is_held_out(held_out_text: str) -> None:
    documents = documents_of([held_out_text])
    tokenizer = train_tokenizer(documents, 400)
    corpus = encode_corpus(documents, tokenizer, 16)
    assert np.count_nonzero(corpus.validation == BEGIN_TOKEN) == -(-len(documents) // 20)
    both = np.count_nonzero(corpus.training == END_TOKEN), len(documents)
    assert both[0] + np.count_nonzero(corpus.validation == END_TOKEN) == both[1]
    text = tokenizer.decode(corpus.validation.tolist()[1:])
    assert text.startswith(documents[0])
    assert corpus.held_out_characters == sum(map(len, documents[::20]))


def test_one_document_is_cut(held_out_text: str) -> None:
    story = documents_of([held_out_text])[0]
    tokenizer = train_tokenizer([story], 300)
    corpus = encode_corpus([story], tokenizer, 16)
    ids = np.concatenate([corpus.training, corpus.validation]).tolist()
    assert tokenizer.decode(ids) == story
    assert len(corpus.validation) > 16


def test_any_text_can_be_encoded() -> None:
    tokenizer = train_tokenizer(["abc abc abc"], 260)
    for text in ("Fünf 猫 \n\t🐈", "abc", ""):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_tokenizer_depends_on_the_text_alone(held_out_text: str) -> None:
    documents = documents_of([held_out_text])
    assert train_tokenizer(documents, 350).to_str() == train_tokenizer(documents, 350).to_str()


def test_too_little_is_said(held_out_text: str) -> None:
    with pytest.raises(TritforgeError, match="empty"):
        documents_of(["\n", ""])
    with pytest.raises(TritforgeError, match="at least 259"):
        train_tokenizer(["a"], 258)
    tokenizer = train_tokenizer(["a b c"], 300)
    with pytest.raises(TritforgeError, match="--length"):
        encode_corpus(["a b c"], tokenizer, 64)


def test_named_texts_are_held_out(held_out_text: str) -> None:
    documents = documents_of([held_out_text])
    tokenizer = train_tokenizer(documents, 400)
    corpus = encode_corpus(documents[4:], tokenizer, 16, held_out=documents[:4])
    assert np.count_nonzero(corpus.training == BEGIN_TOKEN) == len(documents) - 4
    assert np.count_nonzero(corpus.validation == BEGIN_TOKEN) == 4
    assert corpus.held_out_characters == sum(map(len, documents[:4]))


def test_saved_tokenizer_is_taken(held_out_text: str) -> None:
    saved = train_tokenizer([held_out_text], 350).to_str()
    assert tokenizer_of(["another text"], 350, saved).to_str() == saved
    assert tokenizer_of([held_out_text], 350, None).to_str() == saved
    with pytest.raises(TritforgeError, match="350 tokens and the model 300: give --vocabulary 350"):
        tokenizer_of([], 300, saved)
    with pytest.raises(TritforgeError, match="tokenizer cannot be loaded"):
        tokenizer_of([], 300, "{}")
    with pytest.raises(TritforgeError, match=r"begins with \('<pad>'"):
        tokenizer_of([], 350, saved.replace("<unk>", "<pad>"))
