# SPDX-License-Identifier: Apache-2.0
"""Model image of a language model: everything that a device needs to run it, in one file.

The file is a container (`tritforge.container`) with the sections weights, parameters, embedding,
embedding_exponents, tokenizer and (optional) float. Every size except the tokenizer's follows from
the model shape, so a reader checks sizes before it trusts them. Layout: docs/image-format.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tritforge.container.file import ContainerFile
from tritforge.container.format import FORMAT_VERSION, Kind, Section, SectionRule
from tritforge.container.hashing import READ_CHUNK
from tritforge.container.reading import Container, open_container
from tritforge.container.writing import ContainerWriter, write_container
from tritforge.errors import ImageError
from tritforge.language_model import packing
from tritforge.language_model.embedding import Embedding
from tritforge.language_model.image_header import RESIDUAL_FRACTIONS, ImageHeader
from tritforge.language_model.program import (
    Operation,
    OperationShape,
    decode_operations,
    operation_shapes,
)
from tritforge.ternary_code import check_codes

MAXIMUM_TOKENIZER_BYTES = 64 << 20
#: Where a header says how far the calibration text stayed from saturating each signal.
HEADROOM_KEY = "headroom_bits"
HEADROOM_LENGTH = 400

LANGUAGE_MODEL = Kind(
    name="language-model",
    sections=(
        SectionRule("weights"),
        SectionRule("parameters"),
        SectionRule("embedding"),
        SectionRule("embedding_exponents"),
        SectionRule("tokenizer", maximum_bytes=MAXIMUM_TOKENIZER_BYTES),
        SectionRule("float", is_optional=True),
    ),
    header_from_mapping=ImageHeader.from_mapping,
    how_to_get="make one from a checkpoint with `tritforge convert`",
)


class ImageWriter:
    """Sections of a new image, memory-mapped.

    Attributes:
        weights: per operation (row tiles, matrices, beats, rows per beat) uint8, in program order.
        parameters: uint8 stream.
        embedding: rows and exponents, to be filled.
        float_values: float32 section or None.
        file_bytes: size of the file.
    """

    def __init__(
        self,
        path: Path,
        container: ContainerWriter[ImageHeader],
        tokenizer: bytes,
        with_float: bool,
    ) -> None:
        header = container.header
        self._container = container
        self.file_bytes = container.file_bytes
        self.weights = split_weights(container.section("weights"), header)
        self.parameters = container.section("parameters")
        self.embedding = _embedding(
            container.section("embedding"), container.section("embedding_exponents"), header
        )
        self.float_values = container.section("float").view("<f4") if with_float else None
        self._path, self._tokenizer = path, tokenizer
        container.section("tokenizer")[:] = np.frombuffer(tokenizer, np.uint8)

    def set_residual_fraction(self, fraction: int, headroom: str) -> None:
        """Settle what is only known once the whole model has been calibrated.

        Args:
            headroom: text for the header's source, at most HEADROOM_LENGTH characters.
        """
        header = self._container.header
        source = {**header.source, HEADROOM_KEY: headroom}
        self._container.header = replace(header, residual_fraction=fraction, source=source)

    def image(self) -> Image:
        """The image as filled so far, on the same memory: nothing is read back or hashed."""
        container = self._container
        return Image(
            path=self._path,
            header=container.header,
            weight_stream=container.section("weights"),
            parameter_stream=self.parameters,
            embedding=self.embedding,
            tokenizer=self._tokenizer,
            float_values=self.float_values,
            file_bytes=self.file_bytes,
            sections={},
        )


@contextmanager
def write_image(
    path: Path, header: ImageHeader, tokenizer: bytes, with_float: bool = False
) -> Iterator[ImageWriter]:
    """Write an image: fill the sections inside the `with` block, hashes and header follow.

    Nothing appears at `path` unless the block ends without an exception.

    Raises:
        ImageError: the tokenizer is too large, or the file cannot be written.
    """
    with write_container(
        path,
        LANGUAGE_MODEL,
        header,
        sizes={"tokenizer": len(tokenizer)},
        without=() if with_float else ("float",),
        # Room for every residual fraction that may be settled later.
        planned_header=replace(
            header,
            residual_fraction=RESIDUAL_FRACTIONS - 1,
            source={**header.source, HEADROOM_KEY: "0" * HEADROOM_LENGTH},
        ),
    ) as container:
        yield ImageWriter(path, container, tokenizer, with_float)


def _embedding(
    section: NDArray[np.uint8], exponents: NDArray[np.uint8], header: ImageHeader
) -> Embedding:
    """Sections as rows of the header's type."""
    kind = header.embedding_type
    elements = section.view(kind.storage).reshape(header.shape.vocabulary, header.shape.dim)
    return Embedding(kind, elements, exponents.view(np.int8))


def _matrix_items(header: ImageHeader) -> list[OperationShape]:
    return [item for item in operation_shapes(header.shape) if item.matrices]


def split_weights(stream: NDArray[np.uint8], header: ImageHeader) -> tuple[NDArray[np.uint8], ...]:
    """Views (row tiles, matrices, beats, rows per beat) of each operation, in program order."""
    views, position = [], 0
    for item in _matrix_items(header):
        size = header.operation_bytes(item)
        shape = packing.stream_shape(item.rows, item.inputs, item.matrices, header.rows_per_beat)
        views.append(stream[position : position + size].reshape(shape))
        position += size
    return tuple(views)


@dataclass(frozen=True)
class Image:
    """An opened, checked image (the arrays are read-only views of the mapped file), or one that is
    being written.

    Attributes:
        path: the file.
        header: its header.
        weight_stream: uint8, the whole stream.
        parameter_stream: uint8, the in-band program.
        embedding: its rows.
        tokenizer: `tokenizer.json` of the model.
        float_values: float32 gains and scales for the float reference, or None.
        file_bytes: size of the file.
        sections: where the sections lie in the file; none for an image that is made here.
        format_version: version of the file.
        file: the open file, or None for an image that is made here.
    """

    path: Path
    header: ImageHeader
    weight_stream: NDArray[np.uint8]
    parameter_stream: NDArray[np.uint8]
    embedding: Embedding
    tokenizer: bytes
    float_values: NDArray[np.float32] | None
    file_bytes: int
    sections: Mapping[str, Section]
    format_version: int = FORMAT_VERSION
    file: ContainerFile | None = None

    def operations(self) -> tuple[Operation, ...]:
        """The in-band program, parsed and checked."""
        return decode_operations(self.parameter_stream, self.header.shape, self.header.widths)

    def weights(self) -> tuple[NDArray[np.uint8], ...]:
        """Packed weights of each operation after EMBED, see `split_weights`."""
        return split_weights(self.weight_stream, self.header)


def open_image(path: Path | str) -> Image:
    """Map an image file and check all of it: structure, sizes, hashes, codes and parameters.

    Raises:
        ImageError: says what is wrong; raised before anything is allocated from the file's numbers.
    """
    return open_container(Path(path), LANGUAGE_MODEL, _image, _check_weights)


def _image(container: Container[ImageHeader]) -> Image:
    """Image of a container with good hashes, once parameters and float values are checked."""
    header, views = container.header, container.views
    image = Image(
        path=container.path,
        header=header,
        weight_stream=views["weights"],
        parameter_stream=views["parameters"],
        embedding=_embedding(views["embedding"], views["embedding_exponents"], header),
        tokenizer=views["tokenizer"].tobytes(),
        float_values=views["float"].view("<f4") if "float" in views else None,
        file_bytes=container.file_bytes,
        sections=container.sections,
        format_version=container.format_version,
        file=container.file,
    )
    image.operations()
    image.embedding.check(header.residual_fraction, header.widths.residual)
    if image.float_values is not None and not np.isfinite(image.float_values).all():
        raise ImageError("section float holds values that are not finite")
    return image


def _check_weights(container: Container[ImageHeader]) -> None:
    """Check codes and padding, some whole row tiles at a time."""
    header, position = container.header, 0
    for item in _matrix_items(header):
        tiles, *tile_shape = packing.stream_shape(
            item.rows, item.inputs, item.matrices, header.rows_per_beat
        )
        tile_bytes = math.prod(tile_shape)
        step = max(1, READ_CHUNK // tile_bytes)
        buffer = np.empty(step * tile_bytes, np.uint8)
        for tile in range(0, tiles, step):
            count = min(step, tiles - tile)
            chunk = buffer[: count * tile_bytes]
            container.file.read_into(chunk, container.sections["weights"].offset + position)
            check_codes(chunk, position)
            rows = min(count * header.rows_per_beat, item.rows - tile * header.rows_per_beat)
            packing.check_padding(chunk.reshape(count, *tile_shape), rows, item.inputs)
            position += chunk.size
