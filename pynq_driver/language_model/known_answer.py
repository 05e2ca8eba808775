# SPDX-License-Identifier: Apache-2.0
"""Recorded tokens of the embedded model, which every integer backend must give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pynq_driver.language_model.backends.base import Backend
from tritforge.errors import TritforgeError

#: Tokens that are recorded.
RECORDED_TOKENS = 32
_FILE = Path(__file__).parents[1] / "models" / "stories-17m.known-answer.json"


class WrongTokensError(TritforgeError):
    """A backend does not compute what it must."""


def known_answer() -> tuple[list[int], list[int]]:
    """Prompt tokens, and the greedy tokens that follow them."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    return document["prompt"], document["tokens"]


def greedy_tokens(backend: Backend, prompt: Sequence[int], count: int) -> list[int]:
    """The most likely tokens after a prompt, from the empty context."""
    backend.reset()
    tokens, given = [], list(prompt)
    for _ in range(count):
        tokens.append(int(np.argmax(backend.prefill(given).ranking)))
        given = tokens[-1:]
    return tokens


def check_known_answer(backend: Backend, name: str, count: int) -> None:
    """Compare the first `count` tokens.

    Args:
        backend: on the embedded model.
        name: what to call it in the message.

    Raises:
        WrongTokensError: another token came.
    """
    prompt, expected = known_answer()
    found = greedy_tokens(backend, prompt, count)
    for position, (token, right) in enumerate(zip(found, expected)):
        if token != right:
            raise WrongTokensError(
                f"{name} gives token {token} instead of {right} at position {position}: it "
                "computes wrongly on this computer; use another backend, and report it with the "
                "output of `tritforge info --system`"
            )
