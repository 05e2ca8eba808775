# SPDX-License-Identifier: Apache-2.0
"""What generation_config.json asks for is done, or named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import load
from testing.checkpoint_editing import copy_checkpoint, edit_json
from tritforge.errors import CheckpointError, ImageError
from tritforge.language_model.convert import convert
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.generation_config import default_sampling, not_honoured
from tritforge.language_model.image import open_image
from tritforge.language_model.image_header import Sampling
from tritforge_cli.main import main


@pytest.fixture
def folder(tmp_path: Path, small_checkpoint: Path) -> Path:
    return copy_checkpoint(small_checkpoint, tmp_path / "checkpoint")


@pytest.mark.parametrize(
    ("own", "generation", "expected"),
    [
        (2, ..., (2,)),
        ([2, 5], ..., (2, 5)),
        ([2], {}, (2,)),
        (2, {"eos_token_id": None}, (2,)),
        (2, {"eos_token_id": 7}, (7,)),
        (2, {"eos_token_id": [5, 2]}, (2, 5)),
        (2, {"eos_token_id": [5, 7, 5]}, (5, 7)),
        ([9, 5], {"eos_token_id": [7, 5]}, (5, 7)),
    ],
)
def test_end_tokens(folder: Path, own: Any, generation: Any, expected: tuple[int, ...]) -> None:
    edit_json(folder / "config.json", eos_token_id=own)
    if generation is not ...:
        edit_json(folder / "generation_config.json", **generation)
    assert Checkpoint(folder).end_tokens == expected
    convert(folder, folder / "m.tritforge")
    header = open_image(folder / "m.tritforge").header
    assert header.end_tokens == expected
    assert ("other_end_tokens" in header.to_mapping()) == (len(expected) > 1)


@pytest.mark.parametrize("value", [300, -1, "2", [2, 300], [], True, {"a": 1}, 2.0])
def test_end_tokens_out_of_range_are_named(folder: Path, value: Any) -> None:
    edit_json(folder / "generation_config.json", eos_token_id=value)
    with pytest.raises(
        CheckpointError, match=r"generation_config.json: eos_token_id = .* 0 to 299"
    ):
        Checkpoint(folder)


def test_every_end_token_ends_a_text_and_none_is_chosen_if_ignored(folder: Path) -> None:
    path = folder / "m.tritforge"
    convert(folder, path)
    free = load(path, threads=1).generate("abc", seed=5, max_tokens=60)
    list(free)
    other = free.tokens[7]
    assert 2 not in free.tokens[:8]
    edit_json(folder / "generation_config.json", eos_token_id=[2, other])
    convert(folder, path)
    for backend in ("cpu", "golden"):
        model = load(path, backend=backend)
        ended = model.generate("abc", seed=5, max_tokens=60)
        list(ended)
        assert ended.tokens == free.tokens[: free.tokens.index(other) + 1]
        going_on = model.generate("abc", seed=5, max_tokens=60, ignore_end=True)
        list(going_on)
        assert not {2, other} & set(going_on.tokens) and len(going_on.tokens) == 60


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Sampling()),
        ({"temperature": 0.3}, Sampling(temperature=0.3)),
        ({"do_sample": False, "temperature": 0.6, "top_p": 0.9}, Sampling(0, Sampling.top_k, 0.9)),
        ({"do_sample": False}, Sampling(temperature=0)),
        ({"do_sample": True}, Sampling(1.0, 50, 1.0)),
        ({"do_sample": True, "top_k": None, "temperature": 0.6}, Sampling(0.6, 0, 1.0)),
        ({"do_sample": None, "top_p": None}, Sampling(top_p=1.0)),
        ({"max_new_tokens": 9, "do_sample": False}, Sampling(temperature=0, max_tokens=9)),
    ],
)
def test_sampling(values: dict[str, Any], expected: Sampling) -> None:
    assert default_sampling(values) == expected


@pytest.mark.parametrize("value", [1, "yes", []])
def test_do_sample_is_true_or_false(value: Any) -> None:
    with pytest.raises(CheckpointError, match="do_sample"):
        default_sampling({"do_sample": value})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"repetition_penalty": 1.3}, ["repetition_penalty = 1.3"]),
        ({"repetition_penalty": 1.0, "num_beams": 1, "transformers_version": "4.40"}, []),
        (
            {"num_beams": 4, "no_repeat_ngram_size": 3},
            ["no_repeat_ngram_size = 3", "num_beams = 4"],
        ),
        ({"min_p": 0.05, "min_length": 0, "typical_p": None}, ["min_p = 0.05"]),
        ({"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "use_cache": True}, []),
        ({"bos_token_id": 5}, ["bos_token_id = 5"]),
        ({"suppress_tokens": [], "bad_words_ids": [[5]]}, ["bad_words_ids = [[5]]"]),
        ({"early_stopping": False, "num_beams": True}, ["num_beams = True"]),
        ({"of_the_future": {"a": "\x1b"}}, ["of_the_future = {'a': '\\x1b'}"]),
        ({"long\n" * 40: 1}, ["long?" * 12 + " ..."]),
    ],
)
def test_what_has_no_effect_is_named(values: dict[str, Any], expected: list[str]) -> None:
    assert not_honoured(values, begin_token=1) == expected


def test_warnings_of_convert_and_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_json(folder / "generation_config.json", repetition_penalty=1.3, eos_token_id=[2, 9])
    output = folder / "m.tritforge"
    assert main(["convert", str(folder), "-o", str(output)]) == 0
    assert capsys.readouterr().err == (
        "warning: generation_config.json: repetition_penalty = 1.3 is not supported and has no "
        "effect\n"
    )
    assert main(["info", str(output)]) == 0
    text = capsys.readouterr().out
    assert "end 2, 9" in text and "repetition_penalty = 1.3" in text
    assert main(["convert", str(folder), "-o", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["not_honoured"] == ["repetition_penalty = 1.3"]


def test_image_that_is_changed_while_it_is_in_use(folder: Path) -> None:
    path = folder / "m.tritforge"
    convert(folder, path)
    for backend in ("golden", "cpu"):
        copy = folder / f"{backend}.tritforge"
        shutil.copy(path, copy)
        model = load(copy, backend=backend, threads=1 if backend == "cpu" else None)
        expected = list(model.generate("abc", seed=1, max_tokens=4))
        running = model.generate("abc", seed=1, max_tokens=4)
        pieces = [next(running)]
        copy.write_bytes(b"")
        if backend == "golden":
            assert [*pieces, *running] == expected, "what has begun has all that it needs"
        with pytest.raises(ImageError, match="was changed while it is in use"):
            next(model.generate("x"))
        with pytest.raises(ImageError, match="was changed while it is in use"):
            model.evaluate("abc")


def test_image_that_is_replaced_by_renaming_does_no_harm(folder: Path) -> None:
    path = folder / "m.tritforge"
    convert(folder, path)
    model = load(path, threads=1)
    expected = list(model.generate("abc", seed=1, max_tokens=4))
    edit_json(folder / "generation_config.json", temperature=0)
    convert(folder, path)
    assert list(model.generate("abc", seed=1, max_tokens=4)) == expected
