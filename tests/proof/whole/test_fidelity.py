# SPDX-License-Identifier: Apache-2.0
"""The integer model against the float reference on held-out stories (limits: docs/numerics.md)."""

from __future__ import annotations

import pytest

from pynq_driver import load
from pynq_driver.language_model.evaluation import split_documents
from tritforge.language_model.fidelity import Fidelity, Isolation, measure_fidelity
from tritforge.language_model.golden.model import CHANNEL_SITES, HEAD_SITE, MIXER_SITES, GoldenModel
from tritforge.language_model.reference import FloatModel

DOCUMENTS = 16


@pytest.fixture(scope="module")
def fidelity(held_out_text: str) -> Fidelity:
    model = load(backend="golden")
    end = model.image.header.end_token
    documents = [
        [*model.encode(document), end] for document in split_documents(held_out_text)[:DOCUMENTS]
    ]
    golden, reference = GoldenModel(model.image), FloatModel.from_image(model.image)
    return measure_fidelity(golden, reference, documents, Isolation.SITE)


def test_cross_entropy_is_within_half_a_percent(fidelity: Fidelity) -> None:
    assert fidelity.integer_nats == pytest.approx(fidelity.reference_nats, rel=0.005)


def test_greedy_choices_agree(fidelity: Fidelity) -> None:
    assert fidelity.greedy_agreement >= 0.98


@pytest.mark.parametrize("site", [*MIXER_SITES, *CHANNEL_SITES, HEAD_SITE])
def test_codes_agree_site_by_site(fidelity: Fidelity, site: str) -> None:
    agreement = fidelity.sites[site]
    assert agreement.codes > 500_000
    assert agreement.share_equal >= 0.996
    assert agreement.off_by_more_than_one == 0


def test_nothing_saturates_on_held_out_text(fidelity: Fidelity) -> None:
    assert not fidelity.saturations
