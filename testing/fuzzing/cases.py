# SPDX-License-Identifier: Apache-2.0
"""The fuzzer's cases: make one from (seed, index), run it, judge the outcome.

A mutated file must be refused with a TritforgeError, or be the original, or carry hashes that the
fuzzer itself repaired; what is accepted must run, with the same bits on every execution.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pynq_driver.ivit.backends.opening import open_vision_backend
from testing.fuzzing.mutation import (
    LANGUAGE_MODEL_MUTATIONS,
    TEXT_MUTATIONS,
    VISION_MUTATIONS,
    Generator,
    Mutation,
    mutate_document,
    pick,
)
from testing.image_editing import with_repaired_hashes
from testing.ivit_random_model import RandomModel, random_images, write_random_image
from testing.random_model import random_image
from tritforge.container.format import PREFIX
from tritforge.errors import TritforgeError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.image import VisionImage, open_vision_image
from tritforge.ivit.quantise import WeightFormat
from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert import convert
from tritforge.language_model.convert.random_checkpoint import SMALLEST_VOCABULARY
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image, open_image
from tritforge.language_model.tokenizer import load_tokenizer

#: Rows and columns with padding, two layers, and little work.
SHAPE = ModelShape(dim=17, layers=2, glu_width=23, vocabulary=SMALLEST_VOCABULARY)


class Outcome(str, Enum):
    """How a case ended; the last four are failures."""

    REFUSED = "refused"
    IDENTICAL = "accepted, identical content"
    REPAIRED = "accepted, hashes repaired by the fuzzer"
    CONVERTED = "converted"
    READ = "read as a picture"
    SILENT = "silent acceptance"
    DIFFERENT = "engine differs from the golden model"
    CRASH = "crash"
    HANG = "hang"


FAILURES = (Outcome.SILENT, Outcome.DIFFERENT, Outcome.CRASH, Outcome.HANG)


@dataclass(frozen=True)
class Verdict:
    """Outcome of one case and, for a refusal or a failure, why."""

    outcome: Outcome
    reason: str = ""


def reason_class(error: TritforgeError, path: Path) -> str:
    """The error's text without the values in it."""
    text = str(error).replace(f"{path}: ", "").replace(f"{path.parent}", "").lstrip("/: ")
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\{[^}]*\}|0x[0-9a-f]+|-?\d[\d.e+]*", "*", text)
    return " ".join(text.split()[:8])


class Target:
    """What both kinds of cases share: a folder of their own and the crash rule."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.seed = seed

    def generator(self, index: int) -> Generator:
        """Random numbers of one case."""
        return np.random.default_rng([self.seed, index])

    def judge(self, run: Callable[[], Verdict], path: Path) -> Verdict:
        """Run a case; anything but a TritforgeError or a verdict is a crash."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return run()
        except TritforgeError as error:
            return Verdict(Outcome.REFUSED, reason_class(error, path))
        except Exception as error:
            return Verdict(Outcome.CRASH, f"{type(error).__name__}: {error}"[:300])


class ImageTarget(Target):
    """Mutated image files of one kind."""

    #: Ways to damage a file of this kind.
    mutations: tuple[Mutation, ...]

    def __init__(self, folder: Path, seed: int, with_engine: bool) -> None:
        super().__init__(folder, seed)
        self._base = self.base_image(folder / "base").read_bytes()
        self._with_engine = with_engine
        self.path = folder / "case.tritforge"

    def base_image(self, folder: Path) -> Path:
        """Write a sound image below `folder`."""
        raise NotImplementedError

    def open(self) -> Callable[[], Verdict]:
        """Open the case's file; returns what runs its model. Raises TritforgeError."""
        raise NotImplementedError

    def content(self, index: int) -> tuple[bytes, bool]:
        """Content of the file of one case, and whether its hashes were repaired."""
        generator = self.generator(index)
        data = self._base
        for _ in range(1 + int(generator.random() < 0.2)):
            try:
                data = pick(generator, self.mutations)(data, generator)
            except Exception:  # whatever an edit meets in a file that is damaged already
                # The first mutation left no header that the second could edit.
                data = pick(generator, TEXT_MUTATIONS)(data or self._base, generator)
        repair = index % 2 == 0
        if repair:
            return with_repaired_hashes(data), True
        # Edits of the header as an object bring their own hash: put the old one back.
        size = PREFIX.size - 32
        return data[:size] + self._base[size : PREFIX.size] + data[PREFIX.size :], False

    def run(self, index: int) -> Verdict:
        """Run the case of that number and judge it."""
        data, repaired = self.content(index)
        self.path.write_bytes(data)
        return self.judge(lambda: self._open_and_run(data, repaired), self.path)

    def save(self, index: int, folder: Path) -> Path:
        """Write the file of a failing case into `folder`; returns its path."""
        path = folder / f"image-{self.seed}-{index}.tritforge"
        path.write_bytes(self.content(index)[0])
        return path

    def _open_and_run(self, data: bytes, repaired: bool) -> Verdict:
        run = self.open()
        if data == self._base:
            return Verdict(Outcome.IDENTICAL)
        if not repaired:
            return Verdict(Outcome.SILENT, "no hash was repaired")
        return run()


class LanguageImageTarget(ImageTarget):
    """Mutated language models through `open_image`, tokenizer, golden model and engine."""

    mutations = LANGUAGE_MODEL_MUTATIONS

    def base_image(self, folder: Path) -> Path:
        """See ImageTarget."""
        return random_image(folder, SHAPE).path

    def open(self) -> Callable[[], Verdict]:
        """See ImageTarget."""
        image = open_image(self.path)

        def run() -> Verdict:
            verdict = run_model(image, self._with_engine)
            # The tokenizer is only needed for text: the model ran without it.
            if verdict.outcome not in FAILURES:
                load_tokenizer(image.tokenizer)
            return verdict

        return run


class VisionImageTarget(ImageTarget):
    """Mutated vision transformers through `open_vision_image`, golden model and engine.

    Their weights are ternary where the seed is even, int8 where it is odd.
    """

    mutations = VISION_MUTATIONS

    def base_image(self, folder: Path) -> Path:
        """See ImageTarget."""
        formats = (WeightFormat.TERNARY, WeightFormat.INT8)
        return write_random_image(folder, RandomModel(weight_format=formats[self.seed % 2])).path

    def open(self) -> Callable[[], Verdict]:
        """See ImageTarget."""
        image = open_vision_image(self.path)
        pixels = random_images(image.header.shape, 2)
        return lambda: run_vision_model(image, self._with_engine, pixels)


def run_vision_model(image: VisionImage, with_engine: bool, pixels: NDArray[np.uint8]) -> Verdict:
    """Pictures on the golden model and, bit for bit, on the C++ engine."""
    expected = IvitGoldenModel(image.parameters).logits(pixels)
    if with_engine:
        try:
            backend = open_vision_backend("cpu", image, threads=1)
        except TritforgeError as error:
            return Verdict(Outcome.DIFFERENT, f"the engine refuses the image: {error}"[:300])
        with closing(backend):
            if not np.array_equal(backend.logits(pixels), expected):
                return Verdict(Outcome.DIFFERENT, "logits")
    return Verdict(Outcome.REPAIRED)


def run_model(image: Image, with_engine: bool) -> Verdict:
    """Two tokens on the golden model and, bit for bit, on the C++ engine."""
    tokens = [image.header.begin_token, image.header.shape.vocabulary - 1]
    model = GoldenModel(image)
    state = model.new_state()
    expected = [model.step(state, np.array([token])) for token in tokens]
    if with_engine:
        from pynq_driver.language_model.backends.cpu import CpuBackend

        try:
            backend = CpuBackend(image, threads=1)
        except TritforgeError as error:
            return Verdict(Outcome.DIFFERENT, f"the engine refuses the image: {error}"[:300])
        scale = 2.0**-image.header.widths.logit_fraction
        for token, (accumulators, logits) in zip(tokens, expected):
            scores = backend.prefill([token])
            same = np.array_equal(scores.ranking, accumulators[0])
            if not same or not np.array_equal(scores.logits, logits[0] * scale):
                return Verdict(Outcome.DIFFERENT, f"token {token}")
        if dict(backend.saturations()) != dict(state.flags):
            return Verdict(Outcome.DIFFERENT, "saturation counts")
    return Verdict(Outcome.REPAIRED)


class CheckpointTarget(Target):
    """Mutated checkpoint directories through the converter."""

    #: Files that get mutated, the weights more often than the rest.
    FILES = (
        *("model.safetensors",) * 4,
        *("config.json",) * 3,
        "generation_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
    )

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self._base = random_image(folder / "base", SHAPE).path.parent / "checkpoint"
        weights = (self._base / "model.safetensors").read_bytes()
        (self._base / "generation_config.json").write_text('{"temperature": 0.9, "top_k": 40}')
        names = json.loads(weights[8 : 8 + struct.unpack_from("<Q", weights)[0]])
        index = {"weight_map": dict.fromkeys(names, "shard.safetensors")}
        (self._base / "model.safetensors.index.json").write_text(json.dumps(index))
        self._checkpoint = folder / "checkpoint"
        self._output = folder / "output" / "model.tritforge"

    def prepare(self, index: int, folder: Path) -> None:
        """Write the directory of one case."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._base, folder)
        generator = self.generator(index)
        name = pick(generator, self.FILES)
        if name == "model.safetensors.index.json":
            (folder / "model.safetensors").rename(folder / "shard.safetensors")
        path = folder / name
        data = path.read_bytes()
        if name.endswith(".safetensors"):
            path.write_bytes(mutate_safetensors(data, generator))
        elif generator.random() < 0.2:
            path.write_bytes(pick(generator, TEXT_MUTATIONS)(data, generator))
        else:
            path.write_text(json.dumps(mutate_document(json.loads(data), generator)))

    def run(self, index: int) -> Verdict:
        """Run the case of that number and judge it."""
        self.prepare(index, self._checkpoint)
        verdict = self.judge(self._convert, self._checkpoint / "config.json")
        left = list(self._output.parent.glob("*")) + list(self._output.parent.glob(".*"))
        for path in left:
            path.unlink()
        if verdict.outcome is Outcome.REFUSED and left:
            return Verdict(Outcome.CRASH, f"left {left[0].name} behind")
        return verdict

    def save(self, index: int, folder: Path) -> Path:
        """Write the directory of a failing case into `folder`; returns its path."""
        path = folder / f"checkpoint-{self.seed}-{index}"
        self.prepare(index, path)
        return path

    def _convert(self) -> Verdict:
        convert(self._checkpoint, self._output)
        run_model(open_image(self._output), with_engine=False)
        return Verdict(Outcome.CONVERTED)


def mutate_safetensors(data: bytes, generator: Generator) -> bytes:
    """A safetensors file with a damaged length, header or content."""
    (length,) = struct.unpack_from("<Q", data)
    text, content = data[8 : 8 + length], data[8 + length :]
    kind = int(generator.integers(5))
    if kind == 0:
        hostile = pick(generator, (0, 1, length - 1, length + 1, 1 << 31, (1 << 64) - 1))
        return struct.pack("<Q", hostile) + data[8:]
    if kind == 1:
        return pick(generator, TEXT_MUTATIONS)(data, generator)
    if kind == 2:
        text = pick(generator, TEXT_MUTATIONS)(text, generator)
    else:
        text = json.dumps(mutate_document(json.loads(text), generator)).encode()
    return struct.pack("<Q", len(text)) + text + content
