# SPDX-License-Identifier: Apache-2.0
"""Reader of vision transformers' checkpoints: tensors by timm's names, scales of activations.

Three kinds: a trained directory (`config.json`, `model.safetensors`), a state dict that the
paper's `quant_train.py` writes, and float weights of timm. Upstream registers its buffers with
other shapes than it saves (the 174 mismatches of a DeiT-tiny); here only the number of a scale
counts. All other buffers of upstream follow from the weights and are made anew.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tritforge.checkpoint.files import check_fetched
from tritforge.checkpoint.tensors import StoredTensors, weight_files
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.convert.configuration import VisionConfiguration, read_configuration
from tritforge.ivit.parameters import Array
from tritforge.ivit.preprocessing import IMAGENET, Preprocessing
from tritforge.ivit.shape import VisionShape
from tritforge.ivit.sites import activation_sites
from tritforge.ivit.tensors import FloatTensors, check_tensors, tensor_shapes

CONFIGURATION_FILE = "config.json"
SCALE_SUFFIX = ".act_scaling_factor"
#: Buffers of upstream's modules that follow from the weights.
_DERIVED_SUFFIXES = (
    *(".fc_scaling_factor", ".conv_scaling_factor", ".norm_scaling_factor"),
    *(".weight_integer", ".bias_integer", SCALE_SUFFIX),
)
#: Channels of a head in every ViT and DeiT of the papers; no tensor says how many heads there are.
_HEAD_CHANNELS = 64
_KNOWN_TENSOR = "cls_token"
_BLOCK = re.compile(r"blocks\.(\d+)\.")


class VisionCheckpoint:
    """An opened checkpoint whose names and shapes have been checked.

    Attributes:
        path: the directory or file.
        configuration: what is known beside the tensors.
        shape, preprocessing, labels: complete.
        files: every file that was or will be read.
    """

    def __init__(
        self, path: Path, heads: int | None = None, labels: tuple[str, ...] | None = None
    ) -> None:
        """
        Args:
            heads: attention heads, where no `config.json` says it; default: 64 channels each.
            labels: names of the classes, before those of `config.json`.

        Raises:
            CheckpointError: names the file, key or tensor that is missing or wrong.
        """
        self.path = path
        self.configuration, files = _open(path)
        others = [path / CONFIGURATION_FILE] if path.is_dir() else []
        self.files = (*files, *(item for item in others if item.exists()))
        self._stored = StoredTensors(files)
        self._stored.remove_wrapper(_KNOWN_TENSOR)
        shape = self.configuration.shape
        if shape is not None and heads not in (None, shape.heads):
            raise CheckpointError(
                f"{path}: heads = {heads}, but {CONFIGURATION_FILE} says {shape.heads}: leave "
                "it out"
            )
        self.shape = shape or _shape_of(path, self._stored, heads)
        self.preprocessing = self.configuration.preprocessing or _default_preprocessing(
            path, self.shape
        )
        given = labels if labels is not None else self.configuration.labels
        if given is None:
            given = tuple(f"class {index}" for index in range(self.shape.classes))
        if len(given) != self.shape.classes:
            raise CheckpointError(
                f"{path}: {len(given)} labels for {self.shape.classes} classes: give one per class"
            )
        self.labels = given

    def tensors(self) -> FloatTensors:
        """Float parameters, complete and finite.

        Raises:
            CheckpointError: names the tensor and what is wrong.
        """
        names = [name for name in self._stored if not name.endswith(_DERIVED_SUFFIXES)]
        for name, dimensions in tensor_shapes(self.shape).items():
            # Before anything is read: a checkpoint's numbers are not trusted.
            if name in self._stored and self._stored[name].shape != dimensions:
                raise CheckpointError(
                    f"{name} has shape {self._stored[name].shape}, not {dimensions}"
                )
        return check_tensors(_Loaded(self._stored, names), self.shape)

    def scales(self) -> dict[str, np.float32]:
        """Activation scale of every site that the checkpoint has one for, by the site's name.

        Raises:
            CheckpointError: names the tensor that is no single number, or not finite.
        """
        scales = {}
        for site in activation_sites(self.shape, self.configuration.widths):
            name = site + SCALE_SUFFIX
            if name not in self._stored:
                continue
            if math.prod(self._stored[name].shape) != 1:
                raise CheckpointError(
                    f"{name} has shape {self._stored[name].shape}, but the scale of an activation "
                    "is one number"
                )
            scales[site] = np.float32(self._stored.load(name).reshape(-1)[0])
        return scales

    def digest(self) -> str:
        """SHA-256 over the weight files: which checkpoint it was."""
        return self._stored.digest()


class _Loaded(Mapping[str, Array]):
    """Some tensors of a checkpoint, read one at a time."""

    def __init__(self, stored: StoredTensors, names: list[str]) -> None:
        self._stored, self._names = stored, names

    def __getitem__(self, name: str) -> Array:
        return self._stored.load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _open(path: Path) -> tuple[VisionConfiguration, list[Path]]:
    """Configuration and weight files of a directory or a single file."""
    if path.is_dir():
        configuration = path / CONFIGURATION_FILE
        known = read_configuration(configuration) if configuration.exists() else None
        return known or VisionConfiguration(), weight_files(path)
    if not path.is_file():
        raise CheckpointError(f"{path} is no file and no directory with a checkpoint")
    check_fetched(path)
    return VisionConfiguration(), [path]


def _shape_of(path: Path, stored: StoredTensors, heads: int | None) -> VisionShape:
    """Shape of a model from the shapes of its tensors."""

    def dimensions(name: str, count: int) -> tuple[int, ...]:
        if name not in stored:
            raise CheckpointError(
                f"{path}: tensor {name} is missing: this is no checkpoint of a ViT or DeiT by "
                "timm's names"
            )
        shape = stored[name].shape
        if len(shape) != count:
            raise CheckpointError(f"{path}: {name} has shape {shape}, not {count} dimensions")
        return shape

    dim, channels, patch_size, _ = dimensions("patch_embed.proj.weight", 4)
    tokens = dimensions("pos_embed", 3)[1]
    side = math.isqrt(max(tokens - 1, 0))
    if side * side + 1 != tokens:
        raise CheckpointError(
            f"{path}: pos_embed has {tokens} tokens, which is no square of patches and one class "
            "token: models with a distillation token or register tokens are not supported"
        )
    if heads is None:
        heads, rest = divmod(dim, _HEAD_CHANNELS)
        if rest or not heads:
            raise CheckpointError(
                f"{path}: {dim} channels are no multiple of {_HEAD_CHANNELS}, and no tensor says "
                "how many heads there are: give --heads"
            )
    layers = {int(match.group(1)) for name in stored if (match := _BLOCK.match(name))}
    try:
        return VisionShape(
            image_size=side * patch_size,
            patch_size=patch_size,
            channels=channels,
            dim=dim,
            heads=heads,
            layers=len(layers),
            hidden=dimensions("blocks.0.mlp.fc1.weight", 2)[0],
            classes=dimensions("head.weight", 2)[0],
        )
    except ConfigurationError as error:
        raise CheckpointError(f"{path}: shape of its tensors: {error}") from None


def _default_preprocessing(path: Path, shape: VisionShape) -> Preprocessing:
    if shape.channels != len(IMAGENET.mean):
        raise CheckpointError(
            f"{path}: nothing says how pictures of {shape.channels} colours are normalised: give a "
            f"directory with a {CONFIGURATION_FILE} (docs/vision.md)"
        )
    return IMAGENET


def check_calibrated(path: Path, scales: Mapping[str, np.float32]) -> None:
    """
    Raises:
        CheckpointError: the checkpoint has no scales at all.
    """
    if not scales:
        raise CheckpointError(
            f"{path} has float weights, but no scales of activations (NAME{SCALE_SUFFIX}): give "
            "a folder of typical pictures with --calibration-images"
        )
