# SPDX-License-Identifier: Apache-2.0
"""The float reference against the paper's equations, written out element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from testing.random_model import random_image
from tritforge.errors import TritforgeError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert import ConversionOptions
from tritforge.language_model.float_parameters import FloatOperation
from tritforge.language_model.program import operation_shapes
from tritforge.language_model.reference import (
    CODE_MAXIMUM,
    FloatModel,
    quantise,
    rms_norm,
    sigmoid,
    silu,
)

SHAPE = ModelShape(dim=16, layers=2, glu_width=19, vocabulary=23)
Vector = list[float]


# --- functions ------------------------------------------------------------------------------------


def test_sigmoid_and_silu() -> None:
    x = np.array([0.0, math.log(3), -math.log(3), 5.0])
    assert np.allclose(sigmoid(x), [0.5, 0.75, 0.25, 1 / (1 + math.exp(-5))], rtol=1e-15)
    assert np.allclose(silu(x), x * sigmoid(x), rtol=1e-15)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        assert sigmoid(np.array([1e5, 700.0])).tolist() == [1.0, 1.0]
        assert (sigmoid(np.array([-1e5, -700.0])) < 1e-300).all()


def test_rms_norm() -> None:
    x, gain = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([1.0, -2.0])
    root = math.sqrt(12.5 + 1e-4)
    assert np.allclose(rms_norm(x, None, 1e-4), [[3 / root, 4 / root], [0, 0]], rtol=1e-15)
    assert np.allclose(rms_norm(x, gain, 1e-4), [[3 / root, -8 / root], [0, 0]], rtol=1e-15)


def test_quantise_rounds_halves_to_even_in_units_of_the_largest_value() -> None:
    codes, step = quantise(np.array([[127.0, 0.5, 1.5, 2.5, -0.5, -127.0], [0.0] * 6]))
    assert codes.tolist() == [[127, 0, 2, 2, 0, -127], [0] * 6]
    assert step[0].tolist() == [1.0]
    assert step[1] == pytest.approx(1e-5 / CODE_MAXIMUM)


def test_quantise_scales_every_vector_by_itself() -> None:
    codes, step = quantise(np.array([[1.0, -0.25], [100.0, -25.0]]))
    assert codes.tolist() == [[127, -32], [127, -32]]
    assert (step[:, 0] * 127).tolist() == [1.0, 100.0]


# --- the model ------------------------------------------------------------------------------------


class Plain:
    """Section 3.2 and 3.3 of arXiv 2406.02528 in loops over one token, without NumPy's axes."""

    def __init__(
        self,
        embedding: NDArray[np.float64],
        operations: Sequence[FloatOperation],
        matrices: Sequence[Sequence[NDArray[np.float32]]],
    ) -> None:
        self._embedding, self._operations, self._matrices = embedding, operations, matrices
        self._hidden = [[0.0] * SHAPE.dim for _ in range(SHAPE.layers)]

    def step(self, token: int) -> Vector:
        """Logits after one token."""
        x = [float(value) for value in self._embedding[token]]
        for layer in range(SHAPE.layers):
            mix, output, glu, down = range(4 * layer, 4 * layer + 4)
            normed = self._norm(x, self._operations[mix].norm_gain)
            f, c, g = (self._linear(normed, mix, index, index) for index in range(3))
            bound = self._operations[mix].lower_bound
            assert bound is not None
            hidden = self._hidden[layer]
            for i in range(SHAPE.dim):
                keep = bound[i] + (1 - bound[i]) / (1 + math.exp(-f[i]))
                hidden[i] = keep * hidden[i] + (1 - keep) * self._silu(c[i])
            gated = self._norm(g, self._operations[output].norm_gain)
            mixed = [gated[i] * self._silu(hidden[i]) for i in range(SHAPE.dim)]
            x = self._sum(x, self._linear(mixed, output, 0, 0))
            normed = self._norm(x, self._operations[glu].norm_gain)
            gate, up = (self._linear(normed, glu, 0, index) for index in range(2))
            product = [self._silu(gate[i]) * up[i] for i in range(SHAPE.glu_width)]
            x = self._sum(x, self._linear(product, down, 0, 0))
        head = 4 * SHAPE.layers
        return self._linear(self._norm(x, self._operations[head].norm_gain), head, 0, 0)

    def _linear(self, x: Vector, operation: int, output: int, matrix: int) -> Vector:
        parameters = self._operations[operation]
        normed = self._norm(x, parameters.own_gains[output])
        step = max(1e-5, *map(abs, normed)) / 127
        codes = [min(127, max(-128, round(value / step))) for value in normed]
        weights = self._matrices[operation][matrix]
        scale = float(parameters.weight_scales[output]) * step
        return [
            scale * sum(code * int(weights[k, row]) for k, code in enumerate(codes))
            for row in range(weights.shape[1])
        ]

    @staticmethod
    def _norm(x: Vector, gain: NDArray[np.float64] | None) -> Vector:
        root = math.sqrt(sum(value * value for value in x) / len(x) + 1e-6)
        gains = [1.0] * len(x) if gain is None else [float(value) for value in gain]
        return [value / root * factor for value, factor in zip(x, gains)]

    @staticmethod
    def _silu(x: float) -> float:
        return x / (1 + math.exp(-x))

    @staticmethod
    def _sum(left: Vector, right: Vector) -> Vector:
        return [a + b for a, b in zip(left, right)]


def random_parts(
    seed: int,
) -> tuple[
    NDArray[np.float64],
    tuple[FloatOperation, ...],
    tuple[tuple[NDArray[np.float32], ...], ...],
]:
    random = np.random.default_rng(seed)
    items = [item for item in operation_shapes(SHAPE) if item.matrices]
    operations = tuple(
        FloatOperation(
            norm_gain=random.uniform(0.5, 2, item.inputs) if item.has_norm_gain else None,
            own_gains=random.uniform(0.5, 2, (item.outputs, item.inputs)),
            weight_scales=random.uniform(0.02, 0.4, item.outputs),
            lower_bound=random.uniform(0, 1, item.inputs) if item.has_lower_bound else None,
        )
        for item in items
    )
    matrices = tuple(
        tuple(
            random.integers(-1, 2, (item.inputs, item.rows)).astype(np.float32)
            for _ in range(item.matrices)
        )
        for item in items
    )
    return random.standard_normal((SHAPE.vocabulary, SHAPE.dim)), operations, matrices


@pytest.mark.parametrize("seed", range(3))
def test_logits_are_those_of_the_equations(seed: int) -> None:
    parts = random_parts(seed)
    model, plain = FloatModel(SHAPE, *parts), Plain(*parts)
    state = model.new_state()
    for token in np.random.default_rng(seed).integers(0, SHAPE.vocabulary, 12).tolist():
        logits = model.step(state, np.array([token]))
        assert logits.shape == (1, SHAPE.vocabulary)
        assert np.allclose(logits[0], plain.step(token), rtol=1e-9, atol=1e-12)


def test_streams_of_a_batch_are_independent() -> None:
    model = FloatModel(SHAPE, *random_parts(7))
    tokens = np.random.default_rng(8).integers(0, SHAPE.vocabulary, (6, 3))
    together = model.new_state(3)
    batch = np.array([model.step(together, row) for row in tokens])
    for stream in range(3):
        state = model.new_state()
        alone = np.array([model.step(state, row[stream : stream + 1])[0] for row in tokens])
        assert np.allclose(batch[:, stream], alone, rtol=1e-12)
    assert not np.allclose(batch[-1, 0], batch[-1, 1])


def test_the_past_matters_and_a_new_state_forgets_it() -> None:
    model = FloatModel(SHAPE, *random_parts(9))
    state = model.new_state()
    first = model.step(state, np.array([4]))
    assert not np.allclose(model.step(state, np.array([4])), first)
    assert np.array_equal(model.step(model.new_state(), np.array([4])), first)


def test_an_image_without_float_section_names_the_option(tmp_path: Path) -> None:
    image = random_image(tmp_path, options=ConversionOptions())
    with pytest.raises(TritforgeError, match="convert the model with --keep-float"):
        FloatModel.from_image(image)
