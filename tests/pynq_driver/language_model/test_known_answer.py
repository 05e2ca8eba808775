# SPDX-License-Identifier: Apache-2.0
"""The recorded tokens are the golden model's, and another one is noticed."""

from __future__ import annotations

from typing import Any

import pytest

import pynq_driver.language_model.known_answer as module
from pynq_driver import load
from pynq_driver.language_model.known_answer import (
    RECORDED_TOKENS,
    WrongTokensError,
    check_known_answer,
    known_answer,
)


def test_the_record_is_what_the_golden_model_gives() -> None:
    model = load(backend="golden")
    prompt, tokens = known_answer()
    assert prompt == model.encode("Once upon a time")
    assert len(tokens) == RECORDED_TOKENS
    check_known_answer(model.backend, "golden", 6)


def test_all_of_it_on_the_engine() -> None:
    check_known_answer(load(backend="cpu").backend, "cpu", RECORDED_TOKENS)


def test_another_token_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt, tokens = known_answer()
    wrong: Any = (prompt, [*tokens[:2], tokens[2] + 1])
    monkeypatch.setattr(module, "known_answer", lambda: wrong)
    with pytest.raises(WrongTokensError, match=r"cpu gives token .* at position 2: .*report it"):
        check_known_answer(load(backend="cpu").backend, "cpu", 3)
