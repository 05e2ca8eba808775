# SPDX-License-Identifier: Apache-2.0
"""Reader of Hugging Face HGRNBit directories: configuration and one tensor at a time.

Tensors come from `model.safetensors`, from shards named by an index file, or from
`pytorch_model.bin` (read with `weights_only`, needs the extra `torch`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from tritforge.config import ModelShape, default_glu_width
from tritforge.convert.tensor_shapes import expected_shapes
from tritforge.errors import CheckpointError, ConfigurationError

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
_MAXIMUM_JSON_BYTES = 64 << 20
_FLOAT_TYPES = ("F16", "BF16", "F32", "F64")

#: Loads one whole tensor; the array is released before the next one is loaded.
Loader = Callable[[], NDArray[np.floating]]


class Checkpoint:
    """An opened checkpoint directory whose tensor names and shapes have all been checked.

    Attributes:
        folder: the directory.
        shape: model shape from `config.json`.
        begin_token, end_token: ids from `config.json`.
        tokenizer: content of `tokenizer.json`.
        generation: content of `generation_config.json`, empty if absent.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            CheckpointError: names the file, option or tensor that is missing or wrong.
        """
        if not folder.is_dir():
            raise CheckpointError(f"{folder} is not a directory with a Hugging Face checkpoint")
        self.folder = folder
        configuration = read_json(folder / "config.json")
        _check_options(configuration)
        self.shape = _model_shape(configuration)
        self.begin_token = _token(configuration, "bos_token_id", self.shape.vocabulary)
        self.end_token = _token(configuration, "eos_token_id", self.shape.vocabulary)
        generation = folder / "generation_config.json"
        self.generation = read_json(generation) if generation.exists() else {}
        self.tokenizer = _read_file(folder / "tokenizer.json")
        self._loaders = dict(_open_tensors(folder))
        self._expected = expected_shapes(self.shape)
        self._check_names()

    def load(self, name: str) -> NDArray[np.floating]:
        """Read one tensor in its stored precision.

        Raises:
            CheckpointError: wrong shape, unreadable, or a value is not finite.
        """
        try:
            tensor = self._loaders[name]()
        except (SafetensorError, OSError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"tensor {name} cannot be read: {error}") from None
        if tensor.shape != self._expected[name]:
            raise CheckpointError(
                f"tensor {name} has shape {tensor.shape}, expected {self._expected[name]} "
                "for the sizes in config.json"
            )
        for start in range(0, len(tensor), 4096):
            if not np.isfinite(tensor[start : start + 4096].astype(np.float32)).all():
                raise CheckpointError(f"tensor {name} holds values that are not finite")
        return tensor

    def _check_names(self) -> None:
        missing = sorted(set(self._expected) - set(self._loaders))
        unexpected = sorted(set(self._loaders) - set(self._expected))
        if missing:
            name = missing[0]
            raise CheckpointError(
                f"{self.folder}: tensor {name} of shape {self._expected[name]} is missing"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            )
        if unexpected:
            raise CheckpointError(
                f"{self.folder}: tensor {unexpected[0]} is not part of an HGRNBit model with the "
                "options of config.json"
                + (f" (and {len(unexpected) - 1} more)" if len(unexpected) > 1 else "")
            )


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
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def _check_options(configuration: Mapping[str, Any]) -> None:
    if configuration.get("model_type") != MODEL_TYPE:
        raise CheckpointError(
            f"config.json: model_type is {configuration.get('model_type')!r}, "
            f"only {MODEL_TYPE!r} is supported"
        )
    for name, supported in SUPPORTED_OPTIONS.items():
        if name in configuration and configuration[name] != supported:
            raise CheckpointError(
                f"config.json: {name} = {configuration[name]!r} is not supported, "
                f"only {supported!r} is"
            )


def _model_shape(configuration: Mapping[str, Any]) -> ModelShape:
    try:
        dim = configuration["hidden_size"]
        glu_width = configuration.get("intermediate_size")
        if glu_width is None and isinstance(dim, int):
            ratio = configuration.get("hidden_ratio") or 4
            if ratio != 4:
                raise CheckpointError(
                    f"config.json: hidden_ratio = {ratio!r} needs an explicit intermediate_size"
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
            f"config.json: {name} = {value!r}, expected a token id from 0 to {vocabulary - 1}"
        )
    return value


def _open_tensors(folder: Path) -> Iterator[tuple[str, Loader]]:
    """(name, loader) of every tensor; nothing is read yet."""
    for single, index, opener in (
        ("model.safetensors", "model.safetensors.index.json", _open_safetensors),
        ("pytorch_model.bin", "pytorch_model.bin.index.json", _open_pytorch),
    ):
        if (folder / single).exists():
            yield from opener(folder / single)
            return
        if (folder / index).exists():
            for shard in _shards(folder / index):
                yield from opener(folder / shard)
            return
    raise CheckpointError(
        f"{folder} has none of model.safetensors, model.safetensors.index.json, "
        "pytorch_model.bin and pytorch_model.bin.index.json"
    )


def _shards(index: Path) -> list[str]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no weight_map")
    shards = sorted({str(name) for name in weight_map.values()})
    for shard in shards:
        if Path(shard).name != shard:
            raise CheckpointError(f"{index}: shard {shard!r} must be a file name without folders")
    return shards


def _open_safetensors(path: Path) -> Iterator[tuple[str, Loader]]:
    import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy)

    try:
        file: Any = safe_open(path, framework="np")
        names = list(file.keys())
        for name in names:
            kind = file.get_slice(name).get_dtype()
            if kind not in _FLOAT_TYPES:
                raise CheckpointError(
                    f"tensor {name} has type {kind}, supported are {', '.join(_FLOAT_TYPES)}"
                )
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from None
    for name in names:
        yield name, lambda name=name: file.get_tensor(name)  # type: ignore[misc]


def _open_pytorch(path: Path) -> Iterator[tuple[str, Loader]]:
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f"{path.name} needs PyTorch: pip install 'tritforge[torch]', or convert the checkpoint "
            "to safetensors"
        ) from None
    try:
        # mmap keeps untouched tensors out of memory; weights_only refuses arbitrary pickles.
        tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise CheckpointError(f"{path} is not a readable PyTorch file: {error}") from None
    if not isinstance(tensors, dict):
        raise CheckpointError(f"{path} does not hold a state dict")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not torch.is_tensor(tensor):
            raise CheckpointError(f"{path} does not hold a state dict")
        yield name, lambda tensor=tensor: tensor.float().numpy()  # type: ignore[misc]
