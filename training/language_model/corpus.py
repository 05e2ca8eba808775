# SPDX-License-Identifier: Apache-2.0
"""Text files to token ids: documents, tokenizer, held-out part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, trainers

from pynq_driver.language_model.evaluation import DOCUMENT_SEPARATOR, split_documents
from tritforge.errors import TritforgeError
from tritforge.language_model.convert.random_checkpoint import (
    BEGIN_TOKEN,
    END_TOKEN,
    SMALLEST_VOCABULARY,
    SPECIAL_TOKENS,
    byte_level,
)
from tritforge.language_model.tokenizer import load_tokenizer

#: One document of this many is held out.
HELD_OUT_EVERY = 20
_BATCH = 1000


@dataclass(frozen=True)
class Corpus:
    """Token ids of the documents, each between begin and end token.

    Attributes:
        training, validation: ids one after the other, int32.
        held_out_characters: of the validation documents, for bits per character.
    """

    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    held_out_characters: int

    @property
    def digest(self) -> str:
        """SHA-256 of the training ids: whether two runs are of the same text."""
        return hashlib.sha256(self.training.tobytes()).hexdigest()


def documents_of(texts: Sequence[str]) -> list[str]:
    """Documents of all texts.

    Raises:
        TritforgeError: there is none.
    """
    documents = [document for text in texts for document in split_documents(text)]
    if not documents:
        raise TritforgeError("the text is empty: there is nothing to learn")
    return documents


def train_tokenizer(documents: Sequence[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE of at most `vocabulary` tokens; every text can be encoded with it.

    A small text may have too few pairs for all tokens.

    Raises:
        TritforgeError: no room for the 256 bytes and the special tokens.
    """
    if vocabulary < SMALLEST_VOCABULARY:
        raise TritforgeError(
            f"vocabulary = {vocabulary}: give at least {SMALLEST_VOCABULARY}, for the bytes and "
            f"{', '.join(SPECIAL_TOKENS)}"
        )
    tokenizer = byte_level(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(tokenizer.pre_tokenizer.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def tokenizer_of(documents: Sequence[str], vocabulary: int, saved: str | None) -> Tokenizer:
    """The saved tokenizer, or one trained on the documents.

    Args:
        vocabulary: most tokens of it.
        saved: contents of a `tokenizer.json`, or None to train one.

    Raises:
        TritforgeError: the saved one cannot be read, has more tokens than `vocabulary`, or does not
            begin with <unk>, <s> and </s>.
    """
    if saved is None:
        return train_tokenizer(documents, vocabulary)
    tokenizer = load_tokenizer(saved.encode())
    size = tokenizer.get_vocab_size()
    if size > vocabulary:
        raise TritforgeError(
            f"the tokenizer has {size} tokens and the model {vocabulary}: give --vocabulary {size}"
        )
    first = tuple(tokenizer.id_to_token(place) for place in range(len(SPECIAL_TOKENS)))
    if first != tuple(SPECIAL_TOKENS):
        raise TritforgeError(
            f"the tokenizer begins with {first}: the first tokens must be {tuple(SPECIAL_TOKENS)}"
        )
    return tokenizer


def encode_corpus(
    documents: Sequence[str], tokenizer: Tokenizer, length: int, held_out: Sequence[str] = ()
) -> Corpus:
    """Token ids of the documents, and of those held out.

    Without `held_out`, one document in twenty is; of fewer documents than that, the last twentieth
    of the tokens.

    Raises:
        TritforgeError: too little text for one sequence of `length` tokens in either part.
    """
    if held_out:
        training, validation = _ids(documents, tokenizer), _ids(held_out, tokenizer)
        characters = sum(map(len, held_out))
    elif len(documents) >= HELD_OUT_EVERY:
        held_out = documents[::HELD_OUT_EVERY]
        kept = [text for place, text in enumerate(documents) if place % HELD_OUT_EVERY]
        training, validation = _ids(kept, tokenizer), _ids(held_out, tokenizer)
        characters = sum(map(len, held_out))
    else:
        ids = _ids(documents, tokenizer)
        border = len(ids) - max(len(ids) // HELD_OUT_EVERY, length + 1)
        training, validation = ids[: max(border, 0)], ids[max(border, 0) :]
        characters = len(tokenizer.decode(validation.tolist()))
    if min(len(training), len(validation)) <= length:
        raise TritforgeError(
            f"the text has {len(training)} tokens to train on and {len(validation)} held out, and "
            f"a sequence has {length}: give more text (lines with only {DOCUMENT_SEPARATOR} "
            "separate documents) or a smaller --length"
        )
    return Corpus(training, validation, characters)


def _ids(documents: Sequence[str], tokenizer: Tokenizer) -> NDArray[np.int32]:
    return np.fromiter(_tokens(documents, tokenizer), np.int32)


def _tokens(documents: Sequence[str], tokenizer: Tokenizer) -> Iterator[int]:
    for start in range(0, len(documents), _BATCH):
        batch = list(documents[start : start + _BATCH])
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield BEGIN_TOKEN
            yield from encoding.ids
            yield END_TOKEN
