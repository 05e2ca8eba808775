# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from training.ivit.augmentation import Augmentation, augment, erased, mix, shifted  # noqa: E402


def test_shift_moves_whole_pixels() -> None:
    torch.manual_seed(0)
    images = torch.zeros(64, 1, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 4] = 200
    moved = shifted(images, 2)
    places = {tuple(index.tolist()) for index in moved[:, 0].nonzero()[:, 1:]}
    assert moved.shape == images.shape and (moved > 0).sum() == 64
    assert len(places) > 15
    assert all(2 <= row <= 6 and 2 <= column <= 6 for row, column in places)


def test_erased_rectangles_are_small() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 3, 28, 28, dtype=torch.uint8)
    changed = (erased(images, 0.5) != 0).any(1).flatten(1).sum(1)
    assert 60 < (changed > 0).sum() < 140
    assert changed.max() <= 13 * 13


def test_no_change_leaves_images() -> None:
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    assert torch.equal(augment(images, Augmentation(0, 0, 0, 0)), images)
    assert torch.equal(augment(images, Augmentation(0, 1, 0, 0)), images.flip(-1))
    reals = images.float()
    mixed, order, share = mix(reals, 0.0)
    assert mixed is reals and order is None and share == 1


def test_mixed_share_is_what_the_images_hold() -> None:
    torch.manual_seed(0)
    images = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 1, 16, 16)
    kinds = set()
    for _ in range(40):
        mixed, order, share = mix(images, 1.0)
        assert order is not None and 0 <= share <= 1
        mean = mixed.mean((1, 2, 3))
        expected = share * torch.arange(6.0) + (1 - share) * order
        torch.testing.assert_close(mean, expected.float(), atol=1e-4, rtol=0)
        kinds.add(bool((mixed == mixed.round()).all()))
    assert kinds == {True, False}
