# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from training.language_model.batches import batch_starts, sequences  # noqa: E402


def test_starts_depend_on_seed_and_step_alone() -> None:
    first = batch_starts(1, 5, 8, 100, 20)
    assert np.array_equal(first, batch_starts(1, 5, 8, 100, 20))
    assert not np.array_equal(first, batch_starts(1, 6, 8, 100, 20))
    assert not np.array_equal(first, batch_starts(2, 5, 8, 100, 20))


def test_every_place_is_used_and_none_behind_the_end() -> None:
    starts = batch_starts(0, 0, 1000, 24, 20)
    assert set(starts) == {0, 1, 2, 3}  # 20 tokens and one more fit four times


def test_targets_follow_tokens() -> None:
    tokens, targets = sequences(
        np.arange(50, dtype=np.int32), np.array([3, 10]), 4, torch.device("cpu")
    )
    assert tokens.tolist() == [[3, 4, 5, 6], [10, 11, 12, 13]]
    assert torch.equal(targets, tokens + 1)
