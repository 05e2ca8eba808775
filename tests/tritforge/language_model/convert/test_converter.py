# SPDX-License-Identifier: Apache-2.0
"""Conversion: upstream's ternary rule, folded scales, errors, clean failure, bounded memory."""

from __future__ import annotations

import json
import os
import stat
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16
from safetensors.numpy import load_file

from testing.checkpoint_editing import (
    SINGLE_FILE,
    Tensors,
    cast_tensors,
    copy_checkpoint,
    edit_json,
    edit_tensors,
    shard,
)
from testing.random_model import SMALL_SHAPE
from tritforge.errors import CheckpointError, ConfigurationError, TritforgeError
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, ModelShape
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.converter import ternarise
from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.convert.float_operations import cumulative_lower_bounds
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.language_model.convert.tensor_shapes import (
    EMBEDDING,
    LOWER_BOUNDS,
    expected_shapes,
    module_names,
)
from tritforge.language_model.embedding import EmbeddingType
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image, open_image
from tritforge.language_model.image_header import Sampling
from tritforge.language_model.program import operation_shapes
from tritforge.language_model.reference import FloatModel
from tritforge.language_model.wire.lower_bound import encode_lower_bound

DOWN_GAIN = "model.layers.1.mlp.down_proj.norm.weight"
KEEP_FLOAT = ConversionOptions(name="model", keep_float=True)


@pytest.fixture
def folder(small_checkpoint: Path, tmp_path: Path) -> Path:
    return copy_checkpoint(small_checkpoint, tmp_path / "checkpoint")


def converted(folder: Path, options: ConversionOptions = KEEP_FLOAT) -> Image:
    output = folder.parent / "output" / "model.tritforge"
    convert(folder, output, options)
    return open_image(output)


# --- the ternary rule -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, bfloat16])
@pytest.mark.parametrize("rows", [1, 2048, 2049])
def test_ternarise_is_upstreams_rule(rows: int, kind: Any) -> None:
    """weight_quant: scale = 1 / mean|W|; (W * scale).round().clamp(-1, 1)."""
    weights = (0.02 * np.random.default_rng(rows).standard_normal((rows, 37))).astype(kind)
    trits, scale = ternarise(weights)
    exact = weights.astype(np.float64)
    assert scale == pytest.approx(np.abs(exact).mean(), rel=1e-12)
    assert trits.dtype == np.int8
    assert np.array_equal(trits, np.clip(np.rint(exact / np.abs(exact).mean()), -1, 1))


def test_ternarise_rounds_halves_to_even_as_torch_does() -> None:
    weights = np.array([[0.5, -0.5, 1.5, -1.5, 0.0, 2.0]])
    assert np.abs(weights).mean() == 1.0
    assert ternarise(weights)[0].tolist() == [[0, 0, 1, -1, 0, 1]]


def test_ternarise_of_zeros_clamps_the_scale_like_upstream() -> None:
    trits, scale = ternarise(np.zeros((3, 5), np.float16))
    assert scale == 1e-5
    assert not trits.any()


def test_every_matrix_of_the_image_is_the_ternarised_tensor(folder: Path) -> None:
    tensors, image = load_file(folder / SINGLE_FILE), converted(folder)
    items = [item for item in operation_shapes(SMALL_SHAPE) if item.matrices]
    for item, packed in zip(items, image.weights()):
        rows = np.concatenate([ternarise(tensors[f"{m}.weight"])[0] for m in module_names(item)])
        for index, expected in enumerate(np.split(rows, item.matrices)):
            trits = packing.unpack_matrix(packed[:, index], item.rows, item.inputs)
            assert np.array_equal(trits, expected)


# --- same model, other storage --------------------------------------------------------------------


def test_shards_give_the_same_sections_as_a_single_file(folder: Path) -> None:
    single = converted(folder)
    shard(folder)
    assert converted(folder).sections == single.sections


def test_conversion_is_deterministic(folder: Path) -> None:
    assert converted(folder).path.read_bytes() == converted(folder).path.read_bytes()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_wider_precision_of_the_same_values_gives_the_same_model(folder: Path, kind: Any) -> None:
    half = converted(folder)
    sections = {name: item.sha256 for name, item in half.sections.items()}
    cast_tensors(folder, kind)
    wide = converted(folder)
    assert {name: item.sha256 for name, item in wide.sections.items()} == sections


def test_bfloat16_converts_to_its_own_values(folder: Path) -> None:
    cast_tensors(folder, bfloat16)
    brain = converted(folder)
    cast_tensors(folder, np.float32)
    assert converted(folder).sections == brain.sections


# --- scales and formats ---------------------------------------------------------------------------


def test_float_section_is_the_checkpoint(folder: Path) -> None:
    """The image's reference equals the one made straight from the checkpoint."""
    image = converted(folder)
    left, right = FloatModel.from_image(image), float_model(folder)
    states = left.new_state(2), right.new_state(2)
    for tokens in np.random.default_rng(1).integers(0, SMALL_SHAPE.vocabulary, (6, 2)):
        logits = left.step(states[0], tokens), right.step(states[1], tokens)
    # Embedding mantissas of 16 bits are the only difference.
    assert np.abs(logits[0] - logits[1]).max() < 0.02 * np.abs(logits[1]).max()


def test_lower_bounds_are_the_cumulative_softmax_without_the_first_layer(folder: Path) -> None:
    raw = load_file(folder / SINGLE_FILE)[LOWER_BOUNDS].astype(np.float64)
    share = np.exp(raw) / np.exp(raw).sum(0)
    expected = np.cumsum(share, 0) - share[0]
    assert np.allclose(cumulative_lower_bounds(raw), expected)
    operations = converted(folder).operations()
    for layer in range(SMALL_SHAPE.layers):
        bound = operations[1 + 4 * layer].lower_bound
        assert bound is not None
        assert np.array_equal(bound, encode_lower_bound(expected[layer]))
    assert not operations[1].lower_bound.any()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "bits", "found"),
    [
        ("f2", 16, EmbeddingType.FLOAT16),
        ("f4", 16, EmbeddingType.FLOAT16),
        ("f4", 32, EmbeddingType.FLOAT32),
        ("f2", 8, EmbeddingType.INT8),
    ],
)
def test_embedding_is_kept_as_it_is_or_within_half_a_last_bit(
    folder: Path, kind: str, bits: int, found: EmbeddingType
) -> None:
    cast_tensors(folder, kind)
    table = load_file(folder / SINGLE_FILE)[EMBEDDING].astype(np.float64)
    embedding = converted(folder, replace(KEEP_FLOAT, embedding_bits=bits)).embedding
    assert embedding.kind is found
    error = np.abs(embedding.values(slice(None)) - table).max(-1)
    assert (error <= (0 if found.is_float else np.abs(table).max(-1) / 127 * 1.01)).all()


def test_embedding_that_no_16_bit_type_holds_has_an_exponent_for_every_row(folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        table = tensors[EMBEDDING].astype(np.float32) * np.float32(1 + 2.0**-15)
        table[7] *= 1000
        table[8] /= 1000
        tensors[EMBEDDING] = table

    edit_tensors(folder, change)
    table = load_file(folder / SINGLE_FILE)[EMBEDDING].astype(np.float64)
    embedding = converted(folder).embedding
    assert embedding.kind is EmbeddingType.INT16
    error = np.abs(embedding.values(slice(None)) - table).max(-1)
    assert (error <= np.abs(table).max(-1) / 32767 / 2 * 2.01).all()


@pytest.mark.parametrize("factor", [2.0**-6, 1.0, 2.0**5])
def test_residual_keeps_the_headroom_of_its_calibration(folder: Path, factor: float) -> None:
    edit_tensors(folder, lambda t: t.update({EMBEDDING: t[EMBEDDING] * np.float16(factor)}))
    image = converted(folder)
    reference = FloatModel.from_image(image)
    state, largest = reference.new_state(4), 0.0
    for tokens in np.random.default_rng(2).integers(0, SMALL_SHAPE.vocabulary, (10, 4)):
        x = reference.embed(tokens)
        for layer in range(SMALL_SHAPE.layers):
            x = reference.channel_mixer(layer, reference.token_mixer(state, layer, x))
        largest = max(largest, float(np.abs(x).max()))
    limit = 2.0 ** (image.header.widths.residual - 1 - image.header.residual_fraction)
    assert 2 * largest < limit < 64 * largest


@pytest.mark.parametrize("ports", PORT_CHOICES)
def test_ports_change_the_layout_but_not_the_model(folder: Path, ports: int) -> None:
    image = converted(folder, replace(KEEP_FLOAT, ports=ports))
    assert image.header.rows_per_beat == BYTES_PER_PORT * ports
    model = GoldenModel(image)
    base = GoldenModel(converted(folder))
    token = np.array([3])
    expected = base.step(base.new_state(), token)[1]
    assert np.array_equal(model.step(model.new_state(), token)[1], expected)


def test_header_and_report(folder: Path) -> None:
    edit_json(folder / "generation_config.json", temperature=0.25, top_k=7, max_new_tokens=33)
    output = folder.parent / "model.tritforge"
    calls: list[tuple[str, int, int]] = []
    report = convert(folder, output, progress=lambda *call: calls.append(call))
    image = open_image(output)
    assert image.header.name == "checkpoint"
    assert image.header.shape == SMALL_SHAPE
    assert image.header.sampling == Sampling(0.25, 7, Sampling.top_p, 33)
    assert image.float_values is None
    assert report.file_bytes == output.stat().st_size
    assert report.ternary_weights == SMALL_SHAPE.ternary_weights
    assert 0.2 < report.zero_share < 0.5
    assert report.bits_per_weight >= 1.6
    weights = [call[1:] for call in calls if call[0] != "compare"]
    layers = [call[1:] for call in calls if call[0] == "compare"]
    assert layers == [(1, SMALL_SHAPE.layers), (2, SMALL_SHAPE.layers)]
    assert [call[0] for call in calls[-2:]] == ["compare", "compare"]
    assert weights == sorted(weights)
    assert weights[-1][0] == weights[-1][1]


def test_an_image_can_go_through_a_fifo_and_a_link(folder: Path) -> None:
    """As `tritforge convert DIR -o >(sha256sum)` in a shell, or -o /dev/null."""
    fifo, link, file = (folder.parent / name for name in ("fifo", "link", "model.tritforge"))
    os.mkfifo(fifo)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(fifo.read_bytes()), daemon=True)
    thread.start()
    report = convert(folder, fifo)
    thread.join(timeout=10)
    link.symlink_to(file)
    assert convert(folder, link).file_bytes == report.file_bytes == len(received[0])
    assert link.is_symlink()
    assert file.read_bytes() == received[0]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize(
    ("text", "is_random"), [("a" * 600, True), ("The quick brown fox jumps. " * 20, False)]
)
def test_text_of_few_tokens_gives_way_to_random_ones(
    folder: Path, text: str, is_random: bool
) -> None:
    """One token shows no range: with it alone, other tokens would saturate or be rounded away."""
    options = ConversionOptions(calibration_text=text)
    report = convert(folder, folder.parent / "model.tritforge", options)
    assert report.random_calibration is is_random
    assert not report.fidelity.saturations
    assert report.fidelity.logit_error < 0.05


# --- errors ---------------------------------------------------------------------------------------


def refusal(folder: Path, options: ConversionOptions = KEEP_FLOAT) -> str:
    output = folder.parent / "output" / "model.tritforge"
    with pytest.raises(TritforgeError) as error:
        convert(folder, output, options)
    assert not output.parent.exists() or not list(output.parent.iterdir())
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "changes", "text"),
    [
        ("generation_config.json", {"temperature": -1}, "generation_config.json: temperature = -1"),
        ("generation_config.json", {"temperature": "hot"}, "temperature = 'hot'"),
        ("generation_config.json", {"top_k": 1.5}, "top_k = 1.5"),
        ("generation_config.json", {"top_p": 7}, "top_p = 7"),
        ("generation_config.json", {"max_new_tokens": 1 << 40}, "max_tokens"),
        ("config.json", {"use_short_conv": True}, "use_short_conv = True"),
        ("config.json", {"num_heads": 5}, "num_heads = 5"),
        ("tokenizer.json", {"model": {}}, "tokenizer cannot be loaded"),
    ],
)
def test_refused_configuration_leaves_nothing(
    folder: Path, file: str, changes: dict[str, Any], text: str
) -> None:
    edit_json(folder / file, **changes)
    assert text in refusal(folder)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "sub", "sub/"])
def test_output_that_is_a_folder_is_named(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "sub").mkdir()
    before = sorted(folder.rglob("*"))
    with pytest.raises(CheckpointError, match=r"is a folder: give a file's name in it"):
        convert(folder, Path(name))
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "linked", "also-linked"]
)
def test_output_never_replaces_what_it_is_made_from(folder: Path, name: str) -> None:
    (folder / "linked").symlink_to("model.safetensors")
    (folder / "also-linked").hardlink_to(folder / "tokenizer.json")
    before = (folder / name).read_bytes()
    with pytest.raises(CheckpointError, match=r"belongs to the checkpoint; give another name"):
        convert(folder, folder / name)
    assert (folder / name).read_bytes() == before


def test_value_that_is_not_finite_deep_in_the_model_leaves_nothing(folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors["lm_head.weight"][-1, -1] = np.nan

    edit_tensors(folder, change)
    assert "tensor lm_head.weight holds values that are not finite" in refusal(folder)


def test_tokenizer_with_ids_above_the_vocabulary(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["e"] = SMALL_SHAPE.vocabulary + 5  # the most common letter of any text
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    message = refusal(folder)
    assert "gives token 305" in message
    assert "vocab_size in config.json is 300" in message


def test_tokenizer_that_makes_nothing_of_the_text(folder: Path) -> None:
    """No entry for any byte, and no unknown token."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"] = {**tokenizer["model"], "vocab": {"<s>": 1}, "unk_token": None}
    tokenizer["added_tokens"], tokenizer["post_processor"] = [], None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "gives no token" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.update({EMBEDDING: t[EMBEDDING].astype("f4") * 1e30}), "residual stream"),
    ],
)
def test_values_beyond_every_format(
    folder: Path, change: Callable[[Tensors], object], text: str
) -> None:
    edit_tensors(folder, change)
    assert text in refusal(folder)


@pytest.mark.parametrize("value", [0.0, 1e-320, 1e-30])
def test_vanishing_gains_convert(folder: Path, value: float) -> None:
    """Denormal doubles would need exponents that no float has."""

    def change(tensors: Tensors) -> None:
        for name in ("model.layers.0.attn_norm.weight", DOWN_GAIN):
            tensors[name] = np.full(tensors[name].shape, value)

    edit_tensors(folder, change)
    model = GoldenModel(converted(folder))
    state = model.new_state()
    accumulators, _ = model.step(state, np.array([5]))
    assert accumulators.any()
    # Beside the epsilon of the inner norm, nothing is left of the first layer's input.
    assert not state.hidden[0].any()


def test_all_zero_model_converts_and_gives_zero_logits(folder: Path) -> None:
    edit_tensors(folder, lambda t: t.update({n: np.zeros_like(v) for n, v in t.items()}))
    model = GoldenModel(converted(folder))
    assert not model.step(model.new_state(), np.array([5]))[1].any()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ports": 3}, "ports = 3: choose one of"),
        ({"ports": 0}, "ports = 0"),
        ({"embedding_bits": 12}, "embedding_bits = 12: choose one of"),
    ],
)
def test_options_are_checked(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        ConversionOptions(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (ConversionOptions(name="two\nlines"), "name"),
    ],
)
def test_options_of_the_header_are_checked_before_any_work(
    folder: Path, options: ConversionOptions, text: str
) -> None:
    assert text in refusal(folder, options)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("after", [0, 5, 10])
def test_interrupted_conversion_leaves_nothing(
    folder: Path, error: type[BaseException], after: int
) -> None:
    output = folder.parent / "output" / "model.tritforge"
    calls = 0

    def interrupt(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            assert len(list(output.parent.iterdir())) == 1
            raise error

    with pytest.raises(error):
        convert(folder, output, progress=interrupt)
    assert not list(output.parent.iterdir())


def test_output_that_cannot_be_written(folder: Path) -> None:
    output = folder / "config.json" / "model.tritforge"
    with pytest.raises(CheckpointError, match="cannot write"):
        convert(folder, output)


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_bounded_by_the_largest_tensor(tmp_path: Path) -> None:
    """One tensor at a time: blocks in float64 while it is ternarised, then bytes.

    Ternarising holds the stored tensor (2 bytes per weight), the weights as bytes (1) and at most
    three float64 forms of one block of 2048 rows (24 bytes per weight of the block). All the rest
    is vectors and the activations of the calibration, which are those of random tokens where the
    text is as short as here.
    """
    shape = ModelShape(dim=320, layers=18, glu_width=896, vocabulary=5120)
    write_random_checkpoint(tmp_path / "checkpoint", shape)
    sizes = {name: int(np.prod(size)) for name, size in expected_shapes(shape).items()}
    block = 2048 * shape.dim
    allowed = 3 * max(sizes.values()) + 3 * 8 * block + (8 << 20)
    stored = 2 * sum(sizes.values())
    assert stored > 1.5 * allowed, "a shape on which holding the whole model would be noticed"
    options = ConversionOptions(name="model", calibration_text="Once upon a time")
    tracemalloc.start()
    try:
        convert(tmp_path / "checkpoint", tmp_path / "model.tritforge", options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= allowed
