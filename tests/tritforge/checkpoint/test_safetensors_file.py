# SPDX-License-Identifier: Apache-2.0
"""Reading of safetensors files: every type, every place, and damage left to the library."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import save_file

from tritforge.checkpoint.safetensors_file import (
    FLOAT_TYPES,
    read_values,
    tensor_entries,
)


def write_by_hand(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    """The format itself: length of the header, header, values one after the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, (kind, shape, values) in tensors.items():
        offsets = [position, position + len(values)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        position += len(values)
    text = json.dumps(header).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    values = b"".join(item[2] for item in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def read(path: Path) -> dict[str, np.ndarray]:
    return {
        name: read_values(path, kind, shape, position)
        for name, kind, shape, position in tensor_entries(path)
    }


def test_every_type_of_the_format(tmp_path: Path) -> None:
    """1.0 and -2.5 in each of them, bit by bit."""
    path = tmp_path / "model.safetensors"
    words = {
        "F16": struct.pack("<2H", 0x3C00, 0xC100),
        "BF16": struct.pack("<2H", 0x3F80, 0xC020),
        "F32": struct.pack("<2I", 0x3F800000, 0xC0200000),
        "F64": struct.pack("<2Q", 0x3FF0000000000000, 0xC004000000000000),
    }
    assert set(words) == set(FLOAT_TYPES)
    write_by_hand(path, {kind: (kind, [2], content) for kind, content in words.items()})
    for kind, values in read(path).items():
        assert values.astype(np.float64).tolist() == [1.0, -2.5], kind
        # NumPy has no bfloat16: float32 holds its values.
        assert values.dtype == ("<f4" if kind == "BF16" else FLOAT_TYPES[kind])


def test_what_the_library_writes_is_read_in_place(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    tensors = {
        "matrix": random.standard_normal((7, 5)).astype(np.float32),
        "vector": random.standard_normal(3).astype(np.float16),
        "deep": random.standard_normal((2, 3, 4)),
        "scalar": np.array(8.0, np.float32),
        "empty": np.zeros((0, 5), np.float32),
    }
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata={"format": "np"})
    found = read(path)
    assert set(found) == set(tensors)
    for name, expected in tensors.items():
        assert found[name].shape == expected.shape
        assert np.array_equal(found[name], expected)


def test_only_the_range_of_one_tensor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": np.arange(6.0), "b": np.arange(6.0, 12.0)}, path)
    entries = {name: (shape, position) for name, _, shape, position in tensor_entries(path)}
    with path.open("r+b") as file:  # the other tensor's bytes are gone
        file.seek(entries["a"][1])
        file.write(b"\xff" * 48)
    values = read_values(path, "F64", *entries["b"])
    assert values.tolist() == list(range(6, 12))
    values[:] = 0  # a copy: the file stays as it is
    assert read_values(path, "F64", *entries["b"]).tolist() == list(range(6, 12))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:5],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: struct.pack("<Q", 1 << 60) + data[8:],
        lambda data: data.replace(b'"F64"', b'"F63"'),
        lambda data: data.replace(b"[6]", b"[7]"),
        lambda data: data[:8] + b"[" + data[9:],
    ],
)
def test_damage_is_the_librarys_error(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": np.arange(6.0)}, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SafetensorError):
        list(tensor_entries(path))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        list(tensor_entries(tmp_path / "none.safetensors"))
