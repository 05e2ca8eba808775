# SPDX-License-Identifier: Apache-2.0
"""Reader of Hugging Face HGRNBit directories: configuration and one tensor at a time.

Tensors come from `model.safetensors`, from shards named by an index file, or from
`pytorch_model.bin` (read with `weights_only`, needs the extra `torch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.checkpoint.files import quoted, read_file, read_json
from tritforge.checkpoint.tensors import INDEX_FILES, StoredTensors, weight_files
from tritforge.checks import is_integer, is_number
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.language_model.config import USUAL_HIDDEN_RATIO, ModelShape, default_glu_width
from tritforge.language_model.convert.tensor_shapes import expected_shapes
from tritforge.language_model.float_parameters import USUAL_EPSILONS, Epsilons
from tritforge.language_model.image_header import EPSILON_RANGE, MAXIMUM_END_TOKENS

MODEL_TYPE = "hgrn_bit"
#: Options of the upstream configuration that change the computation, with the supported value.
SUPPORTED_OPTIONS: Mapping[str, Any] = {
    "use_short_conv": False,
    "expand_ratio": 1,
    "use_lower_bound": True,
    "hidden_act": "swish",
    "tie_word_embeddings": False,
}
#: Further values of these options that mean the same.
_SYNONYMS: Mapping[str, tuple[Any, ...]] = {"hidden_act": ("silu",)}
#: Larger ones would give no GLU width that is allowed.
LARGEST_HIDDEN_RATIO = 1024


def checkpoint_configuration(shape: ModelShape, begin_token: int, end_token: int) -> dict[str, Any]:
    """Content of a `config.json` that this reader and upstream's take."""
    return {
        "model_type": MODEL_TYPE,
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.dim,
        "num_hidden_layers": shape.layers,
        "intermediate_size": shape.glu_width,
        **SUPPORTED_OPTIONS,
        "bos_token_id": begin_token,
        "eos_token_id": end_token,
    }


def configuration_shape(configuration: Mapping[str, Any]) -> ModelShape:
    """Shape of the model of a `config.json`, all of whose options are checked.

    Raises:
        CheckpointError: names the option that is missing or not supported.
    """
    _check_options(configuration)
    shape = _model_shape(configuration)
    _check_heads(configuration, shape.dim)
    return shape


def configuration_epsilons(configuration: Mapping[str, Any]) -> Epsilons:
    """Epsilons of the norms of a `config.json`.

    Raises:
        CheckpointError: out of range.
    """
    epsilon = configuration.get("rms_norm_eps", USUAL_EPSILONS.norm)
    low, high = EPSILON_RANGE
    if not is_number(epsilon) or not low <= epsilon <= high:
        raise CheckpointError(
            f"config.json: rms_norm_eps = {quoted(epsilon)} is not supported, only {low:g} to "
            f"{high:g} is"
        )
    return Epsilons(norm=float(epsilon))


class Checkpoint:
    """An opened checkpoint directory whose tensor names and shapes have all been checked.

    Attributes:
        folder: the directory.
        shape: model shape from `config.json`.
        epsilons: of the norms, from `config.json`.
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
        self.shape = configuration_shape(configuration)
        self.epsilons = configuration_epsilons(configuration)
        self.begin_token = _token(configuration, "bos_token_id", self.shape.vocabulary)
        generation = folder / "generation_config.json"
        self.generation = read_json(generation) if generation.exists() else {}
        self.end_tokens = _end_tokens(configuration, self.generation, self.shape.vocabulary)
        self.tokenizer = read_file(tokenizer)
        files = weight_files(folder)
        others = (configuration_file, tokenizer, generation, *(folder / x for x in INDEX_FILES))
        self.files = (*files, *(path for path in others if path.exists()))
        self._stored = StoredTensors(files)
        expected = expected_shapes(self.shape)
        self._stored.remove_wrapper(next(iter(expected)))
        self._check_tensors(expected)

    def load(self, name: str) -> NDArray[np.floating]:
        """Read one tensor in its stored precision.

        Raises:
            CheckpointError: unreadable, or a value is not finite.
        """
        return self._stored.load(name)

    def digest(self) -> str:
        """SHA-256 over the weight files, one after the other: which checkpoint it was."""
        return self._stored.digest()

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
                f"{self.folder}: tensor {quoted(unexpected[0])} is not part of an HGRNBit model "
                "with the options of config.json"
                + (f" (and {len(unexpected) - 1} more)" if len(unexpected) > 1 else "")
            )
        for name, shape in expected.items():
            if self._stored[name].shape != shape:
                raise CheckpointError(
                    f"{self.folder}: tensor {name} has shape {self._stored[name].shape}, expected "
                    f"{shape} for the sizes in config.json"
                )


def _check_options(configuration: Mapping[str, Any]) -> None:
    if configuration.get("model_type") != MODEL_TYPE:
        raise CheckpointError(
            f"config.json: model_type is {quoted(configuration.get('model_type'))}, "
            f"only {MODEL_TYPE!r} is supported"
        )
    for name, supported in SUPPORTED_OPTIONS.items():
        values = (supported, *_SYNONYMS.get(name, ()))
        if name in configuration and configuration[name] not in values:
            raise CheckpointError(
                f"config.json: {name} = {quoted(configuration[name])} is not supported, "
                f"only {supported!r} is"
            )


def _check_heads(configuration: Mapping[str, Any], dim: int) -> None:
    """Without short convolutions heads only cut vectors that are worked on element by element."""
    heads = configuration.get("num_heads", 1)
    if not is_integer(heads) or heads < 1 or dim % heads:
        raise CheckpointError(
            f"config.json: num_heads = {quoted(heads)}, expected a divisor of hidden_size = {dim}"
        )


def _model_shape(configuration: Mapping[str, Any]) -> ModelShape:
    try:
        dim = configuration["hidden_size"]
        glu_width = configuration.get("intermediate_size")
        if glu_width is None and isinstance(dim, int):
            ratio = configuration.get("hidden_ratio") or USUAL_HIDDEN_RATIO
            if not is_number(ratio) or not 0 < ratio <= LARGEST_HIDDEN_RATIO:
                raise CheckpointError(
                    f"config.json: hidden_ratio = {quoted(ratio)}, expected a number above 0, at "
                    f"most {LARGEST_HIDDEN_RATIO}"
                )
            glu_width = default_glu_width(dim, ratio)
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
            f"config.json: {name} = {quoted(value)}, expected a token id from 0 to {vocabulary - 1}"
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
            f"{file}: eos_token_id = {quoted(value)}, expected a token id from 0 to "
            f"{vocabulary - 1}, or a list of at most {MAXIMUM_END_TOKENS}"
        )
    return tuple(dict.fromkeys(tokens))
