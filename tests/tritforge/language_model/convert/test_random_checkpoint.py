# SPDX-License-Identifier: Apache-2.0
"""Random checkpoints: complete, reproducible, sharded by size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from testing.random_model import SMALL_SHAPE
from tritforge.errors import ConfigurationError
from tritforge.language_model.convert import random_checkpoint
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.random_checkpoint import (
    SMALLEST_VOCABULARY,
    byte_tokenizer,
    write_random_checkpoint,
)
from tritforge.language_model.convert.tensor_shapes import expected_shapes


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_seed_same_bytes_other_seed_other_weights(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_random_checkpoint(tmp_path / name, SMALL_SHAPE, seed)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_large_checkpoints_are_sharded_without_changing_a_tensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_random_checkpoint(tmp_path / "single", SMALL_SHAPE)
    monkeypatch.setattr(random_checkpoint, "_BYTES_PER_SHARD", 20_000)
    write_random_checkpoint(tmp_path / "shards", SMALL_SHAPE)
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 3
    single, shards = Checkpoint(tmp_path / "single"), Checkpoint(tmp_path / "shards")
    for name in expected_shapes(SMALL_SHAPE):
        assert np.array_equal(single.load(name), shards.load(name))


@pytest.mark.parametrize("text", ["Hello", "naïve 😀", "\n\t"])
def test_byte_tokenizer_encodes_every_text(text: str) -> None:
    tokenizer = byte_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(ids) == len(text.encode())
    assert max(ids) < SMALLEST_VOCABULARY
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode(text).ids == [random_checkpoint.BEGIN_TOKEN, *ids]


def test_vocabulary_must_hold_the_bytes(tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ConfigurationError, match=f"needs at least {SMALLEST_VOCABULARY}"):
        write_random_checkpoint(tmp_path, replace(SMALL_SHAPE, vocabulary=SMALLEST_VOCABULARY - 1))


def test_configuration_is_valid_json(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "hgrn_bit"
