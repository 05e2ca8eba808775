# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy of one vector of scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pynq_driver.language_model.scores import token_nats


def test_token_nats_is_stable_for_large_logits() -> None:
    logits = np.array([5000.0, 4999.0])
    assert token_nats(logits, 0) == pytest.approx(math.log(1 + math.exp(-1)))
