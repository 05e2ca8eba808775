# SPDX-License-Identifier: Apache-2.0
"""Edits of a checkpoint directory for tests: tensors, precision, shards, configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

Tensors = dict[str, NDArray[Any]]


def copy_checkpoint(source: Path, folder: Path) -> Path:
    """Copy a checkpoint directory, so that it may be changed."""
    shutil.copytree(source, folder)
    return folder


def edit_tensors(folder: Path, change: Callable[[Tensors], object]) -> None:
    """Change the tensors of a single-file checkpoint in place."""
    tensors = load_file(folder / SINGLE_FILE)
    change(tensors)
    save_file(tensors, folder / SINGLE_FILE)


def cast_tensors(folder: Path, kind: Any) -> None:
    """Store every tensor in another precision."""
    edit_tensors(folder, lambda t: t.update({n: v.astype(kind) for n, v in t.items()}))


def edit_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; the value `...` removes one."""
    document = json.loads(path.read_text()) if path.exists() else {}
    for key, value in changes.items():
        if value is ...:
            document.pop(key, None)
        else:
            document[key] = value
    path.write_text(json.dumps(document))


def shard(folder: Path, count: int = 3) -> None:
    """Split the single file into shards with an index."""
    tensors = load_file(folder / SINGLE_FILE)
    (folder / SINGLE_FILE).unlink()
    names = sorted(tensors)
    weight_map = {}
    for part in range(count):
        file = f"part-{part}.safetensors"
        save_file({name: tensors[name] for name in names[part::count]}, folder / file)
        weight_map.update(dict.fromkeys(names[part::count], file))
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))


def first_weight(tensors: Tensors) -> NDArray[np.floating]:
    """The first weight matrix of the first layer."""
    return tensors["model.layers.0.attn.i_proj.weight"]
