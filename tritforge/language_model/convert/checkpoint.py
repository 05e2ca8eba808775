# SPDX-License-Identifier: Apache-2.0
"""Reader of Hugging Face HGRNBit directories: configuration and one tensor at a time.

Tensors come from `model.safetensors`, from shards named by an index file, or from
`pytorch_model.bin` (read with `weights_only`, needs the extra `torch`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from tritforge.errors import CheckpointError, ConfigurationError, install_command
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge.language_model.convert.safetensors_file import (
    FLOAT_TYPES,
    read_values,
    tensor_entries,
)
from tritforge.language_model.convert.tensor_shapes import expected_shapes
from tritforge.language_model.image_header import MAXIMUM_END_TOKENS
from tritforge.lfs import LFS_REMEDY, is_lfs_pointer

MODEL_TYPE = "hgrn_bit"
#: Options of the upstream configuration that change the computation, with the supported value.
SUPPORTED_OPTIONS: Mapping[str, Any] = {
    "use_short_conv": False,
    "num_heads": 1,
    "expand_ratio": 1,
    "use_lower_bound": True,
    "hidden_act": "swish",
    "tie_word_embeddings": False,
}
#: The integer path leaves the epsilon of the norms out, which only a small one allows.
LARGEST_NORM_EPSILON = 1e-5
_SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
_INDEX_FILES = tuple(f"{name}.index.json" for name in _SINGLE_FILES)
#: Keys under which training programs put the state dict beside an optimiser's state.
_WRAPPING_KEYS = ("state_dict", "model_state_dict", "model", "module")
_POINTER_BYTES = 200
_MAXIMUM_JSON_BYTES = 64 << 20
_LONGEST_QUOTE = 200
_HASH_CHUNK = 8 << 20


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: its shape, and a function that reads all of it."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.floating]]


class Checkpoint:
    """An opened checkpoint directory whose tensor names and shapes have all been checked.

    Attributes:
        folder: the directory.
        shape: model shape from `config.json`.
        begin_token: id from `config.json`.
        end_tokens: ids that end a generation, from `generation_config.json`, or else
            `config.json`; the one that ends a text comes first.
        tokenizer: content of `tokenizer.json`.
        generation: content of `generation_config.json`, empty if absent.
        files: every file that was or will be read.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            CheckpointError: names the file, option or tensor that is missing or wrong.
        """
        if not folder.is_dir():
            raise CheckpointError(f"{folder} is not a directory with a Hugging Face checkpoint")
        self.folder = folder
        configuration_file, tokenizer = folder / "config.json", folder / "tokenizer.json"
        configuration = read_json(configuration_file)
        _check_options(configuration)
        self.shape = _model_shape(configuration)
        self.begin_token = _token(configuration, "bos_token_id", self.shape.vocabulary)
        generation = folder / "generation_config.json"
        self.generation = read_json(generation) if generation.exists() else {}
        self.end_tokens = _end_tokens(configuration, self.generation, self.shape.vocabulary)
        self.tokenizer = _read_file(tokenizer)
        self._stored: dict[str, StoredTensor] = {}
        self._weight_files = _weight_files(folder)
        others = (configuration_file, tokenizer, generation, *(folder / x for x in _INDEX_FILES))
        self.files = (*self._weight_files, *(path for path in others if path.exists()))
        for path in self._weight_files:
            _check_fetched(path)
        for name, tensor in _open_tensors(self._weight_files):
            if name in self._stored:
                raise CheckpointError(f"{folder}: tensor {_quoted(name)} is in two shards")
            self._stored[name] = tensor
        expected = expected_shapes(self.shape)
        self._stored = _without_wrapper(self._stored, expected)
        self._check_tensors(expected)

    def load(self, name: str) -> NDArray[np.floating]:
        """Read one tensor in its stored precision.

        Raises:
            CheckpointError: unreadable, or a value is not finite.
        """
        try:
            tensor = self._stored[name].read()
        except (SafetensorError, OSError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"tensor {name} cannot be read: {_one_line(error)}") from None
        for start in range(0, len(tensor), 4096):
            with np.errstate(over="ignore"):
                block = tensor[start : start + 4096].astype(np.float32)
            if not np.isfinite(block).all():
                raise CheckpointError(f"tensor {name} holds values that are not finite in float32")
        return tensor

    def digest(self) -> str:
        """SHA-256 over the weight files, one after the other: which checkpoint it was."""
        digest = hashlib.sha256()
        for path in self._weight_files:
            with path.open("rb") as file:
                while block := file.read(_HASH_CHUNK):
                    digest.update(block)
        return digest.hexdigest()

    def _check_tensors(self, expected: Mapping[str, tuple[int, ...]]) -> None:
        missing = sorted(set(expected) - set(self._stored))
        unexpected = sorted(set(self._stored) - set(expected))
        if missing:
            name = missing[0]
            raise CheckpointError(
                f"{self.folder}: tensor {name} of shape {expected[name]} is missing"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            )
        if unexpected:
            raise CheckpointError(
                f"{self.folder}: tensor {_quoted(unexpected[0])} is not part of an HGRNBit model "
                "with the options of config.json"
                + (f" (and {len(unexpected) - 1} more)" if len(unexpected) > 1 else "")
            )
        for name, shape in expected.items():
            if self._stored[name].shape != shape:
                raise CheckpointError(
                    f"{self.folder}: tensor {name} has shape {self._stored[name].shape}, expected "
                    f"{shape} for the sizes in config.json"
                )


def _without_wrapper(
    stored: Mapping[str, StoredTensor], expected: Iterable[str]
) -> dict[str, StoredTensor]:
    """Tensors without the prefix that a wrapper of the model gave to all their names.

    torch.compile writes `_orig_mod.`, DistributedDataParallel `module.`, trainers others.
    """
    known = next(iter(expected))
    prefixes = {name.removesuffix(known) for name in stored if name.endswith(known)}
    for prefix in prefixes:
        if all(name.startswith(prefix) for name in stored):
            return {name.removeprefix(prefix): tensor for name, tensor in stored.items()}
    return dict(stored)


def _check_fetched(path: Path) -> None:
    start = b""
    # What cannot be read gets its message from whoever reads all of it.
    with suppress(OSError, ValueError), path.open("rb") as file:
        start = file.read(_POINTER_BYTES)
    if is_lfs_pointer(start):
        raise CheckpointError(f"{path} {LFS_REMEDY}")


def _quoted(value: object) -> str:
    """Form of an untrusted value for a message: short, without control characters."""
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]} ..."


def _one_line(error: BaseException) -> str:
    """A library's message, which may quote the file: short, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return " ".join(text.split())[:_LONGEST_QUOTE]


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size.

    Raises:
        CheckpointError: missing, too large, or not a JSON object.
    """
    try:
        document = json.loads(_read_file(path))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not valid JSON") from None
    if not isinstance(document, dict):
        raise CheckpointError(f"{path} must hold a JSON object")
    return document


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAXIMUM_JSON_BYTES:
            raise CheckpointError(f"{path} is larger than {_MAXIMUM_JSON_BYTES} bytes")
        content = path.read_bytes()
        if is_lfs_pointer(content):
            raise CheckpointError(f"{path} {LFS_REMEDY}")
        return content
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def _check_options(configuration: Mapping[str, Any]) -> None:
    if configuration.get("model_type") != MODEL_TYPE:
        raise CheckpointError(
            f"config.json: model_type is {_quoted(configuration.get('model_type'))}, "
            f"only {MODEL_TYPE!r} is supported"
        )
    for name, supported in SUPPORTED_OPTIONS.items():
        if name in configuration and configuration[name] != supported:
            raise CheckpointError(
                f"config.json: {name} = {_quoted(configuration[name])} is not supported, "
                f"only {supported!r} is"
            )
    epsilon = configuration.get("rms_norm_eps", LARGEST_NORM_EPSILON)
    if not isinstance(epsilon, (int, float)) or not 0 <= epsilon <= LARGEST_NORM_EPSILON:
        raise CheckpointError(
            f"config.json: rms_norm_eps = {_quoted(epsilon)} is not supported, only 0 to "
            f"{LARGEST_NORM_EPSILON} is"
        )


def _model_shape(configuration: Mapping[str, Any]) -> ModelShape:
    try:
        dim = configuration["hidden_size"]
        glu_width = configuration.get("intermediate_size")
        if glu_width is None and isinstance(dim, int):
            ratio = configuration.get("hidden_ratio") or 4
            if ratio != 4:
                raise CheckpointError(
                    f"config.json: hidden_ratio = {_quoted(ratio)} needs an explicit "
                    "intermediate_size"
                )
            glu_width = default_glu_width(dim)
        return ModelShape(
            dim=dim,
            layers=configuration["num_hidden_layers"],
            glu_width=glu_width,  # type: ignore[arg-type]
            vocabulary=configuration["vocab_size"],
        )
    except KeyError as error:
        raise CheckpointError(f"config.json: {error.args[0]} is missing") from None
    except ConfigurationError as error:
        raise CheckpointError(f"config.json: {error}") from None


def _token(configuration: Mapping[str, Any], name: str, vocabulary: int) -> int:
    value = configuration.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < vocabulary:
        raise CheckpointError(
            f"config.json: {name} = {_quoted(value)}, expected a token id from 0 to "
            f"{vocabulary - 1}"
        )
    return value


def _end_tokens(
    configuration: Mapping[str, Any], generation: Mapping[str, Any], vocabulary: int
) -> tuple[int, ...]:
    """Transformers takes those of `generation_config.json`, if there are any."""
    own = _token_list("config.json", configuration.get("eos_token_id"), vocabulary)
    given = generation.get("eos_token_id")
    if given is None:
        return own
    tokens = _token_list("generation_config.json", given, vocabulary)
    first = next((token for token in own if token in tokens), tokens[0])
    return (first, *(token for token in tokens if token != first))


def _token_list(file: str, value: object, vocabulary: int) -> tuple[int, ...]:
    tokens = value if isinstance(value, list) else [value]
    if not 1 <= len(tokens) <= MAXIMUM_END_TOKENS or not all(
        isinstance(token, int) and not isinstance(token, bool) and 0 <= token < vocabulary
        for token in tokens
    ):
        raise CheckpointError(
            f"{file}: eos_token_id = {_quoted(value)}, expected a token id from 0 to "
            f"{vocabulary - 1}, or a list of at most {MAXIMUM_END_TOKENS}"
        )
    return tuple(dict.fromkeys(tokens))


def _weight_files(folder: Path) -> list[Path]:
    """Files that hold the tensors: one, or the shards that an index names."""
    for single, index in zip(_SINGLE_FILES, _INDEX_FILES):
        if (folder / single).exists():
            return [folder / single]
        if (folder / index).exists():
            return [folder / shard for shard in _shards(folder / index)]
    raise CheckpointError(
        f"{folder} has none of model.safetensors, model.safetensors.index.json, "
        "pytorch_model.bin and pytorch_model.bin.index.json"
    )


def _open_tensors(files: list[Path]) -> Iterator[tuple[str, StoredTensor]]:
    """(name, tensor) of every tensor; nothing is read yet."""
    for file in files:
        yield from (_open_pytorch if file.suffix == ".bin" else _open_safetensors)(file)


def _shards(index: Path) -> list[str]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no weight_map")
    shards = sorted({str(name) for name in weight_map.values()})
    for shard in shards:
        if Path(shard).name != shard or shard == ".." or not shard.isprintable():
            raise CheckpointError(
                f"{index}: shard {_quoted(shard)} must be a file name without folders"
            )
    return shards


def _open_safetensors(path: Path) -> Iterator[tuple[str, StoredTensor]]:
    try:
        entries = list(tensor_entries(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a readable safetensors file: {_one_line(error)}"
        ) from None
    for name, kind, shape, position in entries:
        if kind not in FLOAT_TYPES:
            raise CheckpointError(
                f"tensor {_quoted(name)} has type {kind}, supported are {', '.join(FLOAT_TYPES)}"
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
        tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise CheckpointError(
            f"{path} is not a readable PyTorch file: {_one_line(error)}"
        ) from None
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
                f"tensor {_quoted(name)} has type {tensor.dtype}, only floating point is supported"
            )
        yield name, StoredTensor(tuple(tensor.shape), partial(_pytorch_values, tensor))


def _pytorch_values(tensor: Any) -> NDArray[np.floating]:
    values: NDArray[np.float32] = tensor.float().numpy()
    return values
