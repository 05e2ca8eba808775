# SPDX-License-Identifier: Apache-2.0
"""Patch embedding: which pixel meets which weight, and the constants of every token."""

from __future__ import annotations

import numpy as np

from tritforge.ivit.golden import patch_embedding
from tritforge.ivit.golden.patch_embedding import patches_of
from tritforge.ivit.parameters import (
    LinearParameters,
    PatchEmbeddingParameters,
    Requantisation,
)
from tritforge.ivit.shape import VisionShape, VisionWidths

SHAPE = VisionShape(
    image_size=4, patch_size=2, channels=3, dim=2, heads=1, layers=1, hidden=2, classes=2
)
ONE = Requantisation(np.array([1], np.int32), np.array([0], np.uint8))


def parameters(weight: np.ndarray, constant: np.ndarray) -> PatchEmbeddingParameters:
    projection = LinearParameters(weight.astype(np.int8), np.array([0, 5], np.int32), ONE)
    return PatchEmbeddingParameters(projection, ONE, constant.astype(np.int32))


def test_patches_in_raster_order_colours_fastest() -> None:
    image = np.arange(4 * 4 * 3).reshape(1, 4, 4, 3)
    patches = patches_of(image, SHAPE)
    assert patches.shape == (1, 4, 12)
    for patch in range(4):
        top, left = 2 * (patch // 2), 2 * (patch % 2)
        expected = [
            int(image[0, top + y, left + x, channel])
            for y in range(2)
            for x in range(2)
            for channel in range(3)
        ]
        assert patches[0, patch].tolist() == expected


def test_the_class_token_is_its_constant_and_patches_add_theirs() -> None:
    image = np.random.RandomState(0).randint(-128, 128, (2, 4, 4, 3))
    weight = np.random.RandomState(1).randint(-128, 128, (2, 12))
    constant = np.random.RandomState(2).randint(-100, 100, (5, 2))
    half = Requantisation(np.array([1], np.int32), np.array([1], np.uint8))
    given = parameters(weight, constant)
    given = PatchEmbeddingParameters(
        LinearParameters(given.projection.weight, given.projection.bias, half), half, given.constant
    )
    tokens = patch_embedding(image, given, SHAPE, VisionWidths())
    assert (tokens[:, 0] == constant[0]).all()
    sums = patches_of(image, SHAPE) @ weight.T + np.array([0, 5])
    sixteen = np.clip(np.rint(sums / 2), -32768, 32767)
    assert (tokens[:, 1:] == np.rint(sixteen / 2) + constant[1:]).all()


def test_both_widths_are_clamped() -> None:
    image = np.full((1, 4, 4, 3), 127)
    weight = np.array([[127] * 12, [-128] * 12])
    constant = np.array([[65535, -65535], [10, 10], [-10, -10], [-1, 1], [0, 0]])
    tokens = patch_embedding(image, parameters(weight, constant), SHAPE, VisionWidths())
    # The sums, 193,548 and -195,067, are clamped before the constant, and clamped again after it.
    assert tokens[0].tolist() == [
        [32767, -32768],
        [32767, -32758],
        [32757, -32768],
        [32766, -32767],
        [32767, -32768],
    ]
