# SPDX-License-Identifier: Apache-2.0
"""The NumPy backends: batches, lanes and saturations."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from pynq_driver.language_model.backends.reference import float_backend, golden_backend
from pynq_driver.language_model.scores import token_nats
from tritforge.errors import TritforgeError
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image

DOCUMENTS = [[1, 5, 9, 200], [7, 8], [3, 299, 0]]


def test_prefill_is_the_golden_model_step_by_step(small_image: Image) -> None:
    model = GoldenModel(small_image)
    state = model.new_state()
    for token in DOCUMENTS[0]:
        accumulators, logits = model.step(state, np.array([token]))
    scores = golden_backend(small_image).prefill(DOCUMENTS[0])
    assert np.array_equal(scores.ranking, accumulators[0])
    fraction = small_image.header.widths.logit_fraction
    assert np.array_equal(scores.logits, logits[0] / 2**fraction)


@pytest.mark.parametrize("make", [golden_backend, float_backend])
def test_documents_of_a_batch_do_not_meet(small_image: Image, make: object) -> None:
    backend = make(small_image)  # type: ignore[operator]
    expected = []
    for document in DOCUMENTS:
        backend.reset()
        nats = []
        for token, following in itertools.pairwise(document):
            nats.append(token_nats(backend.prefill([token]).logits, following))
        expected.append(nats)
    found = backend.score(DOCUMENTS)
    assert [len(item) for item in found] == [3, 1, 2]
    for left, right in zip(found, expected):
        assert left == pytest.approx(right, rel=1e-9)


def test_float_backend_needs_a_float_section(small_image: Image) -> None:
    assert not float_backend(small_image).saturations()
    with pytest.raises(TritforgeError, match="--keep-float"):
        float_backend(dataclasses.replace(small_image, float_values=None))
