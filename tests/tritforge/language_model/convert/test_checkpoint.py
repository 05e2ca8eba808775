# SPDX-License-Identifier: Apache-2.0
"""Checkpoint directories: formats that load, and a text for everything that does not."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16
from safetensors.numpy import load_file, save_file

from testing.checkpoint_editing import (
    INDEX_FILE,
    SINGLE_FILE,
    Tensors,
    cast_tensors,
    copy_checkpoint,
    edit_json,
    edit_tensors,
    first_weight,
    shard,
)
from testing.random_model import SMALL_SHAPE
from tritforge.errors import CheckpointError, TritforgeError
from tritforge.language_model.config import default_glu_width
from tritforge.language_model.convert.checkpoint import SUPPORTED_OPTIONS, Checkpoint
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS, expected_shapes
from tritforge.language_model.image import open_image

WEIGHT = "model.layers.0.attn.i_proj.weight"


@pytest.fixture
def folder(small_checkpoint: Path, tmp_path: Path) -> Path:
    return copy_checkpoint(small_checkpoint, tmp_path / "checkpoint")


def test_names_and_shapes_are_upstreams() -> None:
    """State-dict names of HGRNBitForCausalLM, written out once."""
    d, glu, layers = SMALL_SHAPE.dim, SMALL_SHAPE.glu_width, SMALL_SHAPE.layers
    layer = {
        "attn_norm.weight": (d,),
        "mlp_norm.weight": (d,),
        "attn.g_norm.weight": (d,),
        "mlp.gate_proj.weight": (2 * glu, d),
        "mlp.gate_proj.norm.weight": (d,),
        "mlp.down_proj.weight": (d, glu),
        "mlp.down_proj.norm.weight": (glu,),
    }
    for name in "figo":
        layer[f"attn.{name}_proj.weight"] = (d, d)
        layer[f"attn.{name}_proj.norm.weight"] = (d,)
    assert expected_shapes(SMALL_SHAPE) == {
        "model.embeddings.weight": (SMALL_SHAPE.vocabulary, d),
        "model.lower_bounds": (layers, d),
        "model.norm.weight": (d,),
        "lm_head.weight": (SMALL_SHAPE.vocabulary, d),
        "lm_head.norm.weight": (d,),
        **{f"model.layers.{k}.{name}": s for k in range(layers) for name, s in layer.items()},
    }


def test_configuration_of_a_checkpoint(folder: Path) -> None:
    edit_json(folder / "generation_config.json", temperature=0.5)
    checkpoint = Checkpoint(folder)
    assert checkpoint.shape == SMALL_SHAPE
    assert (checkpoint.begin_token, checkpoint.end_tokens) == (1, (2,))
    assert checkpoint.generation == {"temperature": 0.5}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, bfloat16])
def test_every_precision_loads_unchanged(folder: Path, kind: Any) -> None:
    original = load_file(folder / SINGLE_FILE)[WEIGHT]
    cast_tensors(folder, kind)
    loaded = Checkpoint(folder).load(WEIGHT)
    # NumPy has no bfloat16, and a board no package that has: float32 holds its values.
    assert loaded.dtype == (np.float32 if kind is bfloat16 else np.dtype(kind))
    assert np.array_equal(loaded, original.astype(kind).astype(loaded.dtype))


def test_every_bfloat16_is_widened_exactly(folder: Path) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(bfloat16)
    finite = every[np.isfinite(every.astype(np.float32))]
    rows = np.resize(finite, (SMALL_SHAPE.vocabulary, SMALL_SHAPE.dim))
    edit_tensors(folder, lambda tensors: tensors.update({EMBEDDING: rows}))
    found = Checkpoint(folder).load(EMBEDDING)
    assert np.array_equal(found.view(np.uint32), rows.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize("kind", [np.float16, bfloat16])
def test_conversion_needs_no_package_for_bfloat16(
    folder: Path, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast_tensors(folder, kind)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert Checkpoint(folder).load(WEIGHT).size


def test_shards_load_like_a_single_file(folder: Path) -> None:
    original = load_file(folder / SINGLE_FILE)
    shard(folder)
    checkpoint = Checkpoint(folder)
    for name, tensor in original.items():
        assert np.array_equal(checkpoint.load(name), tensor)


def test_single_file_comes_before_an_index(folder: Path) -> None:
    (folder / INDEX_FILE).write_text("not read")
    assert Checkpoint(folder).shape == SMALL_SHAPE


def test_glu_width_follows_from_the_ratio(folder: Path) -> None:
    """Upstream's formula: 2/3 of ratio times dim, rounded up to 256."""
    edit_json(folder / "config.json", intermediate_size=..., hidden_ratio=3)
    assert default_glu_width(64, 3) == 256 and default_glu_width(1000, 3) == 2048
    assert default_glu_width(1000, 2.5) == 1792
    with pytest.raises(CheckpointError, match=r"expected \(\d+, \d+\) for the sizes"):
        Checkpoint(folder)


@pytest.mark.parametrize("ratio", [-1, "4", True, 1e9])
def test_ratio_is_checked(folder: Path, ratio: object) -> None:
    edit_json(folder / "config.json", intermediate_size=..., hidden_ratio=ratio)
    assert "hidden_ratio" in refusal(folder)


@pytest.mark.parametrize(
    "changes", [{"num_heads": 2}, {"num_heads": 1}, {"hidden_act": "silu"}, {"rms_norm_eps": 1e-4}]
)
def test_options_that_change_nothing_here_are_accepted(
    folder: Path, changes: dict[str, Any]
) -> None:
    edit_json(folder / "config.json", **changes)
    assert Checkpoint(folder).epsilons.norm == changes.get("rms_norm_eps", 1e-6)


@pytest.mark.parametrize("heads", [0, -1, 7, "4", True, 1.5])
def test_heads_must_divide_the_width(folder: Path, heads: object) -> None:
    edit_json(folder / "config.json", num_heads=heads)
    assert "expected a divisor of hidden_size" in refusal(folder)


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        Checkpoint(folder)
    text = str(error.value)
    assert text.isprintable()
    assert len(text) < 1000
    return text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model_type": "llama"}, "model_type is 'llama', only 'hgrn_bit'"),
        ({"model_type": ...}, "model_type is None"),
        ({"model_type": "\x1b[2J" * 999}, "model_type is"),
        ({"hidden_size": ...}, "hidden_size is missing"),
        ({"num_hidden_layers": ...}, "num_hidden_layers is missing"),
        ({"vocab_size": ...}, "vocab_size is missing"),
        ({"hidden_size": "72"}, "dim must be an integer from 16 to 8192"),
        ({"hidden_size": 72.0}, "dim must be an integer"),
        ({"hidden_size": True}, "dim must be an integer"),
        ({"hidden_size": 10**300}, "out of range"),
        ({"hidden_size": None, "intermediate_size": None}, "dim must be an integer"),
        ({"hidden_size": 10**9, "intermediate_size": None}, "out of range"),
        ({"num_hidden_layers": 0}, "layers = 0 is out of range"),
        ({"num_hidden_layers": 129}, "layers = 129 is out of range"),
        ({"vocab_size": 1 << 40}, "vocabulary"),
        ({"vocab_size": -1}, "vocabulary = -1"),
        ({"intermediate_size": []}, "glu_width must be an integer"),
        ({"bos_token_id": ...}, "bos_token_id = None, expected a token id from 0 to 299"),
        ({"bos_token_id": 300}, "bos_token_id = 300"),
        ({"eos_token_id": []}, "eos_token_id = []"),
        ({"eos_token_id": [2, 300]}, "config.json: eos_token_id = [2, 300], expected a token id"),
        ({"eos_token_id": [2, True]}, "eos_token_id = [2, True]"),
        ({"eos_token_id": list(range(70))}, "or a list of at most 64"),
        ({"eos_token_id": True}, "eos_token_id = True"),
        ({"rms_norm_eps": 0.1}, "rms_norm_eps = 0.1"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps = nan"),
        ({"rms_norm_eps": "1e-6"}, "rms_norm_eps"),
        ({"hidden_size": 80}, "expected (300, 80)"),
        ({"num_hidden_layers": 3}, "model.layers.2"),
        ({"num_hidden_layers": 1}, "model.layers.1"),
    ],
)
def test_hostile_or_unsupported_configuration(
    folder: Path, changes: dict[str, Any], text: str
) -> None:
    edit_json(folder / "config.json", **changes)
    assert text in refusal(folder)


@pytest.mark.parametrize("name", SUPPORTED_OPTIONS)
def test_options_that_change_the_computation_are_named(folder: Path, name: str) -> None:
    edit_json(folder / "config.json", **{name: "something else"})
    message = refusal(folder)
    assert f"{name} = 'something else' is not supported" in message
    assert f"only {SUPPORTED_OPTIONS[name]!r} is" in message
    edit_json(folder / "config.json", **{name: ...})
    assert Checkpoint(folder).shape == SMALL_SHAPE, "the option may be left out"


@pytest.mark.parametrize("value", [0, 1e-6, 1e-5])
def test_small_epsilons_are_supported(folder: Path, value: float) -> None:
    edit_json(folder / "config.json", rms_norm_eps=value)
    assert Checkpoint(folder).shape == SMALL_SHAPE
    edit_json(folder / "config.json", rms_norm_eps=1.1e-3)
    assert "rms_norm_eps = 0.0011 is not supported" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    message = refusal(folder)
    assert name in message
    assert "No such file" in message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "must hold a JSON object"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_broken_json_is_named(folder: Path, name: str, content: bytes, text: str) -> None:
    (folder / name).write_bytes(content)
    message = refusal(folder)
    assert name in message
    assert text in message


def test_oversized_json_is_not_read(folder: Path) -> None:
    with (folder / "config.json").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    assert "larger than" in refusal(folder)


def test_not_a_directory(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a directory"):
        Checkpoint(folder / "config.json")


def test_no_weights_at_all(folder: Path) -> None:
    (folder / SINGLE_FILE).unlink()
    message = refusal(folder)
    for name in (SINGLE_FILE, INDEX_FILE, "pytorch_model.bin"):
        assert name in message


def drop(name: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.pop(name)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (drop(WEIGHT), f"tensor {WEIGHT} of shape (72, 72) is missing"),
        (drop(LOWER_BOUNDS), f"tensor {LOWER_BOUNDS} of shape (2, 72) is missing"),
        (lambda t: (t.pop(WEIGHT), t.pop(EMBEDDING)), "(and 1 more)"),
        (
            lambda t: t.update({"model.layers.0.attn.q_conv1d.weight": t[WEIGHT]}),
            "tensor 'model.layers.0.attn.q_conv1d.weight' is not part of an HGRNBit model",
        ),
        (lambda t: t.update({"\x1b[2J": t[WEIGHT]}), r"tensor '\x1b[2J' is not part"),
        (
            lambda t: t.update({WEIGHT: t[WEIGHT][:-1]}),
            f"tensor {WEIGHT} has shape (71, 72), expected (72, 72)",
        ),
        (lambda t: t.update({WEIGHT: t[WEIGHT].reshape(-1)}), "has shape (5184,)"),
        (lambda t: t.update({WEIGHT: np.array(3, np.float16)}), "has shape ()"),
        (lambda t: t.update({WEIGHT: t[WEIGHT].astype(np.int8)}), "has type I8, supported are F16"),
    ],
)
def test_tensors_that_do_not_fit(
    folder: Path, change: Callable[[Tensors], object], text: str
) -> None:
    edit_tensors(folder, change)
    assert text in refusal(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [WEIGHT, LOWER_BOUNDS, EMBEDDING, "lm_head.norm.weight"])
def test_values_that_are_not_finite(folder: Path, name: str, value: float) -> None:
    def change(tensors: Tensors) -> None:
        tensors[name].reshape(-1)[-1] = value

    edit_tensors(folder, change)
    checkpoint = Checkpoint(folder)
    with pytest.raises(CheckpointError, match=f"tensor {name} holds values that are not finite"):
        checkpoint.load(name)


def test_double_beyond_float32_is_refused_without_a_warning(folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[WEIGHT] = tensors[WEIGHT].astype(np.float64)
        first_weight(tensors)[0, 0] = 1e300

    edit_tensors(folder, change)
    with pytest.raises(CheckpointError, match="not finite in float32"):
        Checkpoint(folder).load(WEIGHT)


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\0b", "\ud800", "\x1b[2J"],
)
def test_shard_outside_the_directory_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / SINGLE_FILE).rename(tmp_path / "outside.safetensors")
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": {WEIGHT: name}}))
    message = refusal(folder)
    assert "must be a file name without folders" in message or "not a readable" in message


@pytest.mark.parametrize("index", [{}, {"weight_map": {}}, {"weight_map": [1]}, {"weight_map": 3}])
def test_index_without_a_map(folder: Path, index: dict[str, Any]) -> None:
    (folder / SINGLE_FILE).unlink()
    (folder / INDEX_FILE).write_text(json.dumps(index))
    assert "has no weight_map" in refusal(folder)


def test_missing_shard_is_named(folder: Path) -> None:
    shard(folder)
    (folder / "part-1.safetensors").unlink()
    assert "part-1.safetensors" in refusal(folder)


def test_tensor_in_two_shards_is_refused(folder: Path) -> None:
    shard(folder)
    tensors = load_file(folder / "part-0.safetensors")
    tensors[WEIGHT] = np.zeros((72, 72), np.float16)
    extra = load_file(folder / "part-1.safetensors")
    extra[WEIGHT] = np.zeros((72, 72), np.float16)
    save_file(tensors, folder / "part-0.safetensors")
    save_file(extra, folder / "part-1.safetensors")
    assert f"tensor '{WEIGHT}' is in two shards" in refusal(folder)


def with_header(data: bytes, header: bytes) -> bytes:
    (length,) = struct.unpack_from("<Q", data)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:7], id="cut_inside_the_length"),
        pytest.param(lambda data: data[:1000], id="cut_inside_the_header"),
        pytest.param(lambda data: data[:-1], id="cut_at_the_end"),
        pytest.param(lambda data: data + b"\0", id="longer"),
        pytest.param(lambda data: b"\xff" * 8 + data[8:], id="huge_header_length"),
        pytest.param(lambda data: with_header(data, b"[" * 100_000), id="deep_json"),
        pytest.param(lambda data: with_header(data, b"{}"), id="no_tensors"),
        pytest.param(
            lambda data: with_header(
                data,
                b'{"x": {"dtype": "F32", "shape": [1000000000, 1000000000], '
                b'"data_offsets": [0, 4000000000000000000]}}',
            ),
            id="huge_shape",
        ),
        pytest.param(
            lambda data: with_header(
                data, b'{"x": {"dtype": "F32", "shape": [-1], "data_offsets": [8, 4]}}'
            ),
            id="negative_shape",
        ),
    ],
)
def test_damaged_safetensors(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / SINGLE_FILE
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(folder)


# --- pytorch_model.bin ----------------------------------------------------------------------------


def test_pytorch_file_without_pytorch_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    (folder / SINGLE_FILE).rename(folder / "pytorch_model.bin")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install '.[torch]'" in refusal(folder)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="pytorch_model.bin needs the optional extra `torch`")


def pytorch_checkpoint(folder: Path, torch: Any, change: Callable[[Any], object]) -> None:
    state = {n: torch.from_numpy(v.copy()) for n, v in load_file(folder / SINGLE_FILE).items()}
    change(state)
    (folder / SINGLE_FILE).unlink()
    torch.save(state, folder / "pytorch_model.bin")


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32"])
def test_pytorch_file_loads(folder: Path, torch: Any, kind: str) -> None:
    original = load_file(folder / SINGLE_FILE)[WEIGHT]
    cast = getattr(torch, kind)
    pytorch_checkpoint(folder, torch, lambda s: s.update({n: v.to(cast) for n, v in s.items()}))
    expected = torch.from_numpy(original).to(cast).float().numpy()
    assert np.array_equal(Checkpoint(folder).load(WEIGHT), expected)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.update({WEIGHT: s[WEIGHT][:5]}), "has shape (5, 72), expected (72, 72)"),
        (lambda s: s.update({WEIGHT: s[WEIGHT].int()}), "only floating point"),
        (lambda s: s.update({WEIGHT: 5}), "does not hold a state dict"),
        (lambda s: s.update({3: s[WEIGHT]}), "does not hold a state dict"),
        # One stored value that claims to be a matrix of 4 TB.
        (
            lambda s: s.update({WEIGHT: s[WEIGHT][:1, :1].clone().expand(1 << 20, 1 << 20)}),
            "has shape (1048576, 1048576)",
        ),
    ],
)
def test_hostile_pytorch_file(
    folder: Path, torch: Any, change: Callable[[Any], object], text: str
) -> None:
    pytorch_checkpoint(folder, torch, change)
    assert text in refusal(folder)


class _Executed:
    """A pickle of this runs code when it is loaded without weights_only."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("1 / 0",))


def test_pickled_code_is_not_executed(folder: Path, torch: Any) -> None:
    pytorch_checkpoint(folder, torch, lambda s: s.update({"code": _Executed()}))
    assert "not a readable PyTorch file" in refusal(folder)


@pytest.mark.parametrize("key", ["state_dict", "model", "module", "model_state_dict"])
def test_state_dict_beside_an_optimiser_loads(folder: Path, torch: Any, key: str) -> None:
    original = load_file(folder / SINGLE_FILE)[WEIGHT]
    state = {n: torch.from_numpy(v.copy()) for n, v in load_file(folder / SINGLE_FILE).items()}
    (folder / SINGLE_FILE).unlink()
    torch.save({key: state, "step": 5}, folder / "pytorch_model.bin")
    assert np.array_equal(Checkpoint(folder).load(WEIGHT), original)


# --- what stands in for a file --------------------------------------------------------------------

LFS_POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 1234567890\n"
)


@pytest.mark.parametrize(
    "name", [SINGLE_FILE, "config.json", "tokenizer.json", "generation_config.json"]
)
def test_pointer_of_git_lfs_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text(LFS_POINTER)
    text = refusal(folder)
    assert name in text and "Git LFS pointer" in text and "git lfs pull" in text


def test_shard_and_pytorch_file_that_are_pointers_are_named(folder: Path) -> None:
    shard(folder)
    (folder / "part-1.safetensors").write_text(LFS_POINTER)
    assert "part-1.safetensors is a Git LFS pointer" in refusal(folder)
    (folder / INDEX_FILE).unlink()
    (folder / "pytorch_model.bin").write_text(LFS_POINTER)
    assert "pytorch_model.bin is a Git LFS pointer" in refusal(folder)


def test_image_that_is_a_pointer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.tritforge"
    path.write_text(LFS_POINTER)
    with pytest.raises(TritforgeError, match="Git LFS pointer"):
        open_image(path)


@pytest.mark.parametrize(
    "prefix", ["_orig_mod.", "module.", "_forward_module.", "module._orig_mod.", "student.net."]
)
@pytest.mark.parametrize("sharded", [False, True])
def test_prefix_of_a_wrapper_is_taken_off(folder: Path, prefix: str, sharded: bool) -> None:
    original = load_file(folder / SINGLE_FILE)
    save_file({prefix + name: value for name, value in original.items()}, folder / SINGLE_FILE)
    if sharded:
        shard(folder)
    checkpoint = Checkpoint(folder)
    for name, value in original.items():
        assert np.array_equal(checkpoint.load(name), value)


def test_prefix_of_some_names_only_is_an_error(folder: Path) -> None:
    edit_tensors(
        folder, lambda tensors: tensors.update({"module." + EMBEDDING: tensors.pop(EMBEDDING)})
    )
    assert f"tensor {EMBEDDING} of shape" in refusal(folder)


def test_errors_are_tritforge_errors() -> None:
    assert issubclass(CheckpointError, TritforgeError)
