# SPDX-License-Identifier: Apache-2.0
"""Random-weight HGRNBit checkpoints with exact shapes, for benchmarks and tests.

The released checkpoints cannot be shipped; time, memory and size depend on the shapes alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from tritforge.errors import ConfigurationError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert.checkpoint import checkpoint_configuration
from tritforge.language_model.convert.tensor_shapes import LOWER_BOUNDS, expected_shapes
from tritforge.whole_file import whole_file, write_whole_text

SPECIAL_TOKENS = ("<unk>", "<s>", "</s>")
BEGIN_TOKEN, END_TOKEN = 1, 2
SMALLEST_VOCABULARY = 256 + len(SPECIAL_TOKENS)
_BYTES_PER_SHARD = 512 << 20


def byte_tokenizer(size: int = SMALLEST_VOCABULARY) -> Tokenizer:
    """Byte-level tokenizer without merges: ids 0..2 special, the 256 bytes, then filler words.

    Args:
        size: tokens; every id of a random model decodes to some text, as those of a real one do.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    fillers = [f"Ġword{index}" for index in range(size - SMALLEST_VOCABULARY)]
    tokens = [*SPECIAL_TOKENS, *alphabet, *fillers]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=SPECIAL_TOKENS[0]))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    return byte_level(tokenizer)


def byte_level(tokenizer: Tokenizer) -> Tokenizer:
    """Let a tokenizer with SPECIAL_TOKENS work on bytes, and begin every text with its token."""
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    begin = SPECIAL_TOKENS[BEGIN_TOKEN]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, BEGIN_TOKEN)]
    )
    return tokenizer


def write_random_checkpoint(
    folder: Path,
    shape: ModelShape,
    seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> None:
    """Write a float16 checkpoint directory of that shape; one shard per 512 MiB.

    Raises:
        ConfigurationError: the vocabulary is too small for the byte-level tokenizer.
    """
    if shape.vocabulary < SMALLEST_VOCABULARY:
        raise ConfigurationError(
            f"vocabulary = {shape.vocabulary}: the byte-level tokenizer of a random checkpoint "
            f"needs at least {SMALLEST_VOCABULARY}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    configuration = checkpoint_configuration(shape, BEGIN_TOKEN, END_TOKEN)
    write_whole_text(folder / "config.json", json.dumps(configuration, indent=1))
    write_whole_text(folder / "tokenizer.json", byte_tokenizer(shape.vocabulary).to_str())
    generator = np.random.default_rng(seed)
    shards: list[dict[str, NDArray[np.float16]]] = [{}]
    weight_map: dict[str, int] = {}
    for name, dimensions in expected_shapes(shape).items():
        if sum(tensor.nbytes for tensor in shards[-1].values()) > _BYTES_PER_SHARD:
            _save(shards[-1], folder / _shard_name(len(shards) - 1))
            shards[-1].clear()
            shards.append({})
        shards[-1][name] = _random_tensor(name, dimensions, generator)
        weight_map[name] = len(shards) - 1
        progress(name)
    if len(shards) == 1:
        _save(shards[0], folder / "model.safetensors")
        return
    _save(shards[-1], folder / _shard_name(len(shards) - 1))
    index = {"weight_map": {name: _shard_name(shard) for name, shard in weight_map.items()}}
    write_whole_text(folder / "model.safetensors.index.json", json.dumps(index))


def _save(tensors: dict[str, NDArray[np.float16]], path: Path) -> None:
    with whole_file(path) as part:
        save_file(tensors, part)


def _shard_name(index: int) -> str:
    return f"model-{index + 1:05d}.safetensors"


def _random_tensor(
    name: str, dimensions: tuple[int, ...], generator: np.random.Generator
) -> NDArray[np.float16]:
    values = generator.standard_normal(dimensions, np.float32)
    if name == LOWER_BOUNDS:
        return values.astype(np.float16)
    if len(dimensions) == 1:  # gains of the norms
        return (1 + 0.1 * values).astype(np.float16)
    return (0.02 * values).astype(np.float16)
