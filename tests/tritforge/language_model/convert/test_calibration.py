# SPDX-License-Identifier: Apache-2.0
"""Calibration sees what the float reference sees, and chooses its tokens by a simple rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tritforge.errors import CheckpointError
from tritforge.language_model.convert.calibration import (
    MAXIMUM_SEQUENCES,
    SEQUENCE_TOKENS,
    CalibrationPass,
    GatedProduct,
    TernaryLinear,
    calibration_tokens,
    default_calibration_text,
    fit_epsilon,
    largest,
    random_tokens,
    shows_too_little,
)
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.converter import ternarise
from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.convert.float_operations import (
    cumulative_lower_bounds,
    gather_float_operation,
)
from tritforge.language_model.convert.random_checkpoint import byte_tokenizer
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS, module_names
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.program import OperationKind, operation_shapes

BEGIN = 1
TOKENIZER = byte_tokenizer()
CONTENT = TOKENIZER.to_str().encode()
VOCABULARY = TOKENIZER.get_vocab_size()
PIECE = SEQUENCE_TOKENS - 1


# --- tokens ---------------------------------------------------------------------------------------


def ids_of(text: str) -> list[int]:
    ids: list[int] = TOKENIZER.encode(text, add_special_tokens=False).ids
    return ids


@pytest.mark.parametrize(
    ("letters", "shape"),
    [
        (1, (1, 2)),
        (PIECE - 1, (1, PIECE)),
        (PIECE, (1, SEQUENCE_TOKENS)),
        (PIECE + 1, (1, SEQUENCE_TOKENS)),
        (3 * PIECE + 5, (3, SEQUENCE_TOKENS)),
        (100 * PIECE, (MAXIMUM_SEQUENCES, SEQUENCE_TOKENS)),
    ],
)
def test_tokens_are_whole_pieces_each_from_the_begin_token(
    letters: int, shape: tuple[int, int]
) -> None:
    text = "".join(chr(ord("a") + index % 26) for index in range(letters))
    tokens = calibration_tokens(CONTENT, BEGIN, VOCABULARY, text)
    assert tokens.shape == shape
    assert (tokens[:, 0] == BEGIN).all()
    assert tokens[:, 1:].reshape(-1).tolist() == ids_of(text)[: tokens[:, 1:].size]


def test_a_text_without_tokens_is_refused() -> None:
    with pytest.raises(CheckpointError, match="gives no token for the calibration text"):
        calibration_tokens(CONTENT, BEGIN, VOCABULARY, "")


def test_a_token_beyond_the_vocabulary_is_refused() -> None:
    largest_id = max(ids_of("abc"))
    with pytest.raises(CheckpointError, match=rf"vocab_size in config.json is {largest_id}\)"):
        calibration_tokens(CONTENT, BEGIN, largest_id, "abc")


def test_the_built_in_text_fills_every_sequence() -> None:
    text = default_calibration_text()
    assert len(ids_of(text)) >= MAXIMUM_SEQUENCES * PIECE
    assert calibration_tokens(CONTENT, BEGIN, VOCABULARY, text).shape == (
        MAXIMUM_SEQUENCES,
        SEQUENCE_TOKENS,
    )


@pytest.mark.parametrize(
    ("text", "too_little"),
    [("a" * 500, True), ("ab" * 250, True), ("the quick brown fox" * 9, False)],
)
def test_a_text_of_few_tokens_shows_too_little(text: str, too_little: bool) -> None:
    tokens = calibration_tokens(CONTENT, BEGIN, VOCABULARY, text)
    assert shows_too_little(tokens, VOCABULARY) is too_little
    stand_in = random_tokens(BEGIN, VOCABULARY)
    assert not shows_too_little(stand_in, VOCABULARY)
    assert stand_in.max() < VOCABULARY and (stand_in[:, 0] == BEGIN).all()


# --- activations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 1023, 1024, 1025, 3000])
def test_ternary_product_is_exact_in_blocks_of_rows(rows: int) -> None:
    random = np.random.default_rng(rows)
    trits = random.integers(-1, 2, (rows, 37)).astype(np.int8)
    codes = random.integers(-127, 128, (2, 5, 37))
    sums = TernaryLinear(trits)(codes.astype(np.float64))
    assert sums.shape == (2, 5, rows)
    assert np.array_equal(sums, codes @ trits.T.astype(np.int64))


def test_largest() -> None:
    assert largest(np.array([[1.0, -3.0], [2.0, 0.0]])) == 3
    assert largest(np.zeros(0)) == 0


def test_layer_by_layer_gives_the_residual_of_token_by_token(
    small_checkpoint: Path,
) -> None:
    """Calibration keeps raw sums where their scale cancels, and knows what their norms add."""
    checkpoint, reference = Checkpoint(small_checkpoint), float_model(small_checkpoint)

    def load(name: str) -> FloatArray:
        return checkpoint.load(name).astype(np.float64)

    tokens = np.random.default_rng(3).integers(0, checkpoint.shape.vocabulary, (3, 9))
    calibration = CalibrationPass(load(EMBEDDING)[tokens], checkpoint.epsilons)
    bounds = cumulative_lower_bounds(load(LOWER_BOUNDS))
    product = GatedProduct(np.zeros(0), np.zeros(0))
    logits = np.zeros(0)
    for item in operation_shapes(checkpoint.shape):
        if item.kind is OperationKind.EMBED:
            continue
        pairs = [ternarise(checkpoint.load(f"{module}.weight")) for module in module_names(item)]
        linears = [TernaryLinear(trits) for trits, _ in pairs]
        floats = gather_float_operation(item, load, [scale for _, scale in pairs], bounds)
        if item.kind is OperationKind.MIX:
            product = calibration.token_mixer(floats, linears)
        elif item.kind is OperationKind.GLU:
            product = calibration.gated_linear_unit(floats, linears[0])
        elif item.kind is OperationKind.HEAD:
            logits = calibration.head(floats, linears[0], 4)
        else:
            calibration.project(floats, product, linears[0])

    state = reference.new_state(len(tokens))
    for position in range(tokens.shape[1]):
        residual = reference.embed(tokens[:, position])
        for layer in range(checkpoint.shape.layers):
            residual = reference.token_mixer(state, layer, residual)
            residual = reference.channel_mixer(layer, residual)
        assert np.allclose(calibration.residual[:, position], residual, rtol=1e-9, atol=1e-12)
        if position < 4:
            expected = reference.head(residual)
            assert np.allclose(logits[:, position], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("share", "constant"), [(0.3, 0.0), (0.0, 2e-6), (0.02, 5e-7)])
def test_epsilon_fit_finds_what_made_it(share: float, constant: float) -> None:
    squares = np.random.default_rng(4).lognormal(-12, 1, 200)
    found = fit_epsilon(squares, share * squares + constant)
    assert found == pytest.approx((share, constant), rel=1e-6, abs=1e-12)


def test_epsilon_fit_is_never_negative() -> None:
    squares = np.array([1.0, 2.0, 4.0])
    share, constant = fit_epsilon(squares, 1 / squares)
    assert share == 0 and 0.25 < constant < 1
    share, constant = fit_epsilon(squares, squares**3)
    assert share > 1 and constant == 0


def test_epsilon_fit_of_zero_vectors() -> None:
    squares = np.array([0.0, 1.0])
    assert fit_epsilon(squares, np.array([7.0, 1e-3])) == pytest.approx((1e-3, 0), abs=1e-2)
    assert fit_epsilon(np.zeros(3), np.ones(3)) == (0, 0)
