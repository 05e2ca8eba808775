# SPDX-License-Identifier: Apache-2.0
"""Tensors of a checkpoint by name: from safetensors or PyTorch files, sharded or not.

PyTorch files are read with `weights_only`, which loads no arbitrary pickle; they need the extra
`torch`.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from tritforge.checkpoint.files import check_fetched, one_line, quoted, read_json
from tritforge.checkpoint.safetensors_file import FLOAT_TYPES, read_values, tensor_entries
from tritforge.errors import CheckpointError, install_command

_SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = tuple(f"{name}.index.json" for name in _SINGLE_FILES)
#: Ends of the names of files that torch.save wrote; every other file is safetensors.
PYTORCH_SUFFIXES = (".bin", ".pt", ".pth", ".tar")
#: Keys under which training programs put the state dict beside an optimiser's state.
_WRAPPING_KEYS = ("state_dict", "model_state_dict", "model", "module")
_HASH_CHUNK = 8 << 20


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: its shape, and a function that reads all of it."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.floating]]


class StoredTensors(Mapping[str, StoredTensor]):
    """Tensors of some files; nothing is read until it is asked for.

    Attributes:
        files: the files.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        """
        Raises:
            CheckpointError: a file cannot be read, or two hold a tensor of the same name.
        """
        self.files = tuple(files)
        self._tensors: dict[str, StoredTensor] = {}
        for path in self.files:
            check_fetched(path)
        for name, tensor in _open_tensors(self.files):
            if name in self._tensors:
                raise CheckpointError(
                    f"{self.files[0].parent}: tensor {quoted(name)} is in two shards"
                )
            self._tensors[name] = tensor

    def __getitem__(self, name: str) -> StoredTensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def remove_wrapper(self, known: str) -> None:
        """Take away the prefix that a wrapper of the model gave to all names.

        torch.compile writes `_orig_mod.`, DistributedDataParallel `module.`, trainers others.

        Args:
            known: name of a tensor that the model has.
        """
        prefixes = {name.removesuffix(known) for name in self if name.endswith(known)}
        for prefix in prefixes:
            if all(name.startswith(prefix) for name in self):
                self._tensors = {name.removeprefix(prefix): self[name] for name in self}
                return

    def load(self, name: str) -> NDArray[np.floating]:
        """Read one tensor in its stored precision.

        Raises:
            CheckpointError: unreadable, or a value is not finite.
        """
        try:
            tensor = self[name].read()
        except (SafetensorError, OSError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"tensor {name} cannot be read: {one_line(error)}") from None
        for start in range(0, len(tensor) if tensor.ndim else 1, 4096):
            with np.errstate(over="ignore"):
                block = np.atleast_1d(tensor)[start : start + 4096].astype(np.float32)
            if not np.isfinite(block).all():
                raise CheckpointError(f"tensor {name} holds values that are not finite in float32")
        return tensor

    def digest(self) -> str:
        """SHA-256 over the files, one after the other: which checkpoint it was."""
        digest = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                while block := file.read(_HASH_CHUNK):
                    digest.update(block)
        return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """Files of a directory that hold the tensors: one, or the shards that an index names.

    Raises:
        CheckpointError: there is none.
    """
    for single, index in zip(_SINGLE_FILES, INDEX_FILES):
        if (folder / single).exists():
            return [folder / single]
        if (folder / index).exists():
            return [folder / shard for shard in _shards(folder / index)]
    raise CheckpointError(
        f"{folder} has none of model.safetensors, model.safetensors.index.json, "
        "pytorch_model.bin and pytorch_model.bin.index.json"
    )


def _open_tensors(files: Iterable[Path]) -> Iterator[tuple[str, StoredTensor]]:
    """(name, tensor) of every tensor; nothing is read yet."""
    for file in files:
        yield from (_open_pytorch if file.suffix in PYTORCH_SUFFIXES else _open_safetensors)(file)


def _shards(index: Path) -> list[str]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no weight_map")
    shards = sorted({str(name) for name in weight_map.values()})
    for shard in shards:
        if Path(shard).name != shard or shard == ".." or not shard.isprintable():
            raise CheckpointError(
                f"{index}: shard {quoted(shard)} must be a file name without folders"
            )
    return shards


def _open_safetensors(path: Path) -> Iterator[tuple[str, StoredTensor]]:
    try:
        entries = list(tensor_entries(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a readable safetensors file: {one_line(error)}"
        ) from None
    for name, kind, shape, position in entries:
        if kind not in FLOAT_TYPES:
            raise CheckpointError(
                f"tensor {quoted(name)} has type {kind}, supported are {', '.join(FLOAT_TYPES)}"
            )
        yield (
            name,
            StoredTensor(shape, partial(read_values, path, kind, shape, position)),
        )


def _open_pytorch(path: Path) -> Iterator[tuple[str, StoredTensor]]:
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f"{path.name} needs PyTorch: {install_command('torch')}, or convert the checkpoint "
            "to safetensors"
        ) from None
    try:
        # mmap keeps untouched tensors out of memory; weights_only refuses arbitrary pickles.
        # Files of torch.save before 1.6 are no zip archives and cannot be mapped.
        tensors = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # torch raises many kinds for a damaged file
        raise CheckpointError(f"{path} is not a readable PyTorch file: {one_line(error)}") from None
    for key in _WRAPPING_KEYS:
        if isinstance(tensors, dict) and isinstance(tensors.get(key), dict):
            tensors = tensors[key]
    if not isinstance(tensors, dict):
        raise CheckpointError(f"{path} does not hold a state dict")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not torch.is_tensor(tensor):
            raise CheckpointError(f"{path} does not hold a state dict")
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"tensor {quoted(name)} has type {tensor.dtype}, only floating point is supported"
            )
        yield name, StoredTensor(tuple(tensor.shape), partial(_pytorch_values, tensor))


def _pytorch_values(tensor: Any) -> NDArray[np.floating]:
    values: NDArray[np.float32] = tensor.float().numpy()
    return values
