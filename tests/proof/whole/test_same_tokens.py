# SPDX-License-Identifier: Apache-2.0
"""The whole first: prompt in, exactly the same tokens from every execution."""

from __future__ import annotations

import pytest

from pynq_driver import load

TOKENS = 200
INTEGER_BACKENDS = ("golden", "cpu")


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("prompt", ["Once upon a time", "The little robot"])
def test_same_prompt_and_seed_give_the_same_200_tokens(prompt: str, temperature: float) -> None:
    tokens = {}
    for backend in INTEGER_BACKENDS:
        generation = load(backend=backend).generate(
            prompt, temperature=temperature, seed=11, max_tokens=TOKENS, ignore_end=True
        )
        text = "".join(generation)
        tokens[backend] = generation.tokens
        # Not garbage: words of the training text, in sentences.
        assert sum(word in text.split() for word in ("the", "and", "said", "was", "to")) >= 3
    assert len(tokens["golden"]) == TOKENS
    assert tokens["cpu"] == tokens["golden"]


def test_thread_count_does_not_change_the_tokens() -> None:
    runs = []
    for threads in (1, 2, 3):
        generation = load(threads=threads).generate("Mia was sad because", seed=2)
        list(generation)
        runs.append(generation.tokens)
    assert runs[0] == runs[1] == runs[2]


def test_cross_entropy_is_identical_to_the_last_digit(held_out_text: str) -> None:
    text = "<|endoftext|>\n".join(held_out_text.split("<|endoftext|>\n")[:12])
    golden, cpu = (load(backend=name).evaluate(text) for name in INTEGER_BACKENDS)
    assert golden == cpu
    assert golden.nats_per_token < 0.6, "the model has learned its stories"
