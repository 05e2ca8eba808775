# SPDX-License-Identifier: Apache-2.0
"""Model image of a vision transformer: integers, labels and preprocessing, in one file.

The file is a container (`tritforge.container`) with the sections arrays and (optional) float.
Layout: docs/image-format.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tritforge.container.file import ContainerFile
from tritforge.container.format import Kind, Section, SectionRule
from tritforge.container.reading import Container, open_container
from tritforge.container.writing import write_container
from tritforge.errors import ConfigurationError, ImageError
from tritforge.ivit.image_header import VisionHeader
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.tensors import Float32Array, FloatTensors, tensor_shapes

IVIT = Kind(
    name="ivit",
    sections=(SectionRule("arrays"), SectionRule("float", is_optional=True)),
    header_from_mapping=VisionHeader.from_mapping,
    how_to_get="make one from a checkpoint with `tritforge convert`",
)


@dataclass(frozen=True)
class VisionImage:
    """An opened, checked image. The arrays are read-only views of the mapped file.

    Attributes:
        path: the file.
        header: its header.
        parameters: all integers of the model, every one in its range.
        tensors: float parameters by timm's names for the float reference, or None.
        file_bytes: size of the file.
        sections: where the sections lie in the file.
        format_version: version of the file.
        file: the open file.
    """

    path: Path
    header: VisionHeader
    parameters: VisionParameters
    tensors: FloatTensors | None
    file_bytes: int
    sections: Mapping[str, Section]
    format_version: int
    file: ContainerFile


def open_vision_image(path: Path | str) -> VisionImage:
    """Map an image file and check all of it: structure, sizes, hashes, and every array.

    Raises:
        ImageError: says what is wrong; raised before anything is allocated from the file's numbers.
    """
    return open_container(Path(path), IVIT, _image)


def write_vision_image(
    path: Path,
    header: VisionHeader,
    parameters: VisionParameters,
    tensors: FloatTensors | None = None,
) -> int:
    """Write an image, whole or not at all.

    Args:
        parameters: of the header's shape and widths.
        tensors: float parameters, for the float reference; None leaves them out.

    Returns:
        Bytes of the file.

    Raises:
        ImageError: the file cannot be written.
        ConfigurationError: the parameters are not those of the header.
    """
    if (parameters.shape, parameters.widths) != (header.shape, header.widths):
        raise ConfigurationError("the header has another shape or other widths than the parameters")
    without = ("float",) if tensors is None else ()
    with write_container(path, IVIT, header, sizes={}, without=without) as writer:
        header.layout.encode(parameters.to_arrays(), writer.section("arrays"))
        if tensors is not None:
            section = writer.section("float").view("<f4")
            for name, values in _split_floats(section, header).items():
                values[:] = tensors[name]
        return writer.file_bytes


def _image(container: Container[VisionHeader]) -> VisionImage:
    header, views = container.header, container.views
    try:
        parameters = VisionParameters.from_arrays(
            header.shape, header.widths, header.layout.decode(views["arrays"])
        )
    except ConfigurationError as error:
        raise ImageError(f"section arrays: {error}") from None
    tensors = None
    if "float" in views:
        tensors = _split_floats(views["float"].view("<f4"), header)
        for name, values in tensors.items():
            if not np.isfinite(values).all():
                raise ImageError(f"section float: {name} holds numbers that are not finite")
    return VisionImage(
        path=container.path,
        header=header,
        parameters=parameters,
        tensors=tensors,
        file_bytes=container.file_bytes,
        sections=container.sections,
        format_version=container.format_version,
        file=container.file,
    )


def _split_floats(section: Float32Array, header: VisionHeader) -> dict[str, Float32Array]:
    """Views of the float section by timm's names, in timm's order."""
    tensors, position = {}, 0
    for name, shape in tensor_shapes(header.shape).items():
        size = int(np.prod(shape))
        tensors[name] = section[position : position + size].reshape(shape)
        position += size
    return tensors
