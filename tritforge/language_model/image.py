# SPDX-License-Identifier: Apache-2.0
"""Model image: one hash-checked, memory-mappable file with everything a device needs.

Layout (docs/image-format.md): a 64-byte prefix, a JSON header, then the sections weights,
parameters, embedding, tokenizer and (optional) float, each aligned to 4096 bytes. Every size except
the tokenizer's follows from the model shape, so a reader checks sizes before it trusts them.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.checks import settle_numbers
from tritforge.errors import ConfigurationError, ImageError
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, ModelShape, Widths
from tritforge.language_model.float_parameters import float_section_values
from tritforge.language_model.program import (
    Operation,
    OperationShape,
    decode_operations,
    operation_shapes,
    parameter_bytes,
)
from tritforge.lfs import LFS_REMEDY, is_lfs_pointer
from tritforge.partial_files import in_use, remove_abandoned_parts

MAGIC = b"TRITFRGE"
FORMAT_VERSION = 1
ALIGNMENT = 4096
MAXIMUM_HEADER_BYTES = 1 << 20
MAXIMUM_TOKENIZER_BYTES = 64 << 20
MAXIMUM_TEXT_LENGTH = 2000
MAXIMUM_END_TOKENS = 64
EMBEDDING_BITS = (8, 16)
RESIDUAL_FRACTIONS = 32
#: magic, format version, header bytes, file bytes, reserved, SHA-256 of the header
PREFIX = struct.Struct("<8sIIQ8s32s")
SECTIONS = ("weights", "parameters", "embedding", "tokenizer", "float")
_OPTIONAL_SECTIONS = ("float",)
_EMPTY_HASH = "0" * 64
_HASH_CHUNK = 8 << 20
#: Bytes read and checked together when a file is opened.
_READ_CHUNK = 1 << 18
#: An error quotes the file's own values, and a hostile one can be long.
_LONGEST_ERROR = 600


@dataclass(frozen=True)
class Sampling:
    """Default sampling of a model; `generate` uses it where the user says nothing."""

    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 0.95
    max_tokens: int = 400

    def __post_init__(self) -> None:
        settle_numbers(self)
        if not (_is_number(self.temperature) and 0 <= self.temperature <= 100):
            raise ConfigurationError(
                f"temperature = {self.temperature!r} is out of range: give a number from 0 "
                "(greedy) to 100"
            )
        if not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise ConfigurationError(
                f"top_p = {self.top_p!r} is out of range: give a number above 0, at most 1"
            )
        for name, value in (("top_k", self.top_k), ("max_tokens", self.max_tokens)):
            if not _is_integer(value) or not 0 <= value < 1 << 31:
                raise ConfigurationError(
                    f"{name} = {value!r} is out of range: give an integer from 0 (no limit)"
                )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    """JSON's 16.0 and true equal 16 and 1 in Python, but are no integers."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class ImageHeader:
    """The JSON header, without the section table.

    Attributes:
        name: short name of the model.
        shape: dimensions; fix every section size but the tokenizer's.
        widths: fixed-point formats the parameters were made for.
        rows_per_beat: rows that share a beat of the weight stream (8 a 64-bit port).
        residual_fraction: fraction bits of the residual stream.
        embedding_bits: 8 or 16, width of an embedding mantissa.
        begin_token, end_token: ids that open and close a text.
        other_end_tokens: further ids that end a generation; the key may be missing in a file.
        sampling: default sampling.
        source: free text facts about where the model came from, for `tritforge info`.
    """

    name: str
    shape: ModelShape
    rows_per_beat: int
    residual_fraction: int
    embedding_bits: int
    begin_token: int
    end_token: int
    widths: Widths = field(default_factory=Widths)
    sampling: Sampling = field(default_factory=Sampling)
    source: Mapping[str, str] = field(default_factory=dict)
    other_end_tokens: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._check_texts()
        for name, choices in (
            ("rows_per_beat", tuple(BYTES_PER_PORT * ports for ports in PORT_CHOICES)),
            ("embedding_bits", EMBEDDING_BITS),
        ):
            value = getattr(self, name)
            if not _is_integer(value) or value not in choices:
                raise ConfigurationError(f"{name} = {value!r}: one of {choices}")
        for name, limit in (
            ("residual_fraction", RESIDUAL_FRACTIONS),
            ("begin_token", self.shape.vocabulary),
            ("end_token", self.shape.vocabulary),
        ):
            value = getattr(self, name)
            if not _is_integer(value) or not 0 <= value < limit:
                raise ConfigurationError(f"{name} = {value!r}: an integer from 0 to {limit - 1}")
        self._check_end_tokens()
        longest = max(self.shape.dim, self.shape.glu_width)
        if longest > self.widths.largest_exact_inputs():
            raise ConfigurationError(
                f"rows of {longest} weights overflow the {self.widths.accumulator}-bit "
                f"accumulator: at most {self.widths.largest_exact_inputs()} are exact"
            )

    def _check_end_tokens(self) -> None:
        tokens = self.other_end_tokens
        if not isinstance(tokens, tuple) or len(tokens) > MAXIMUM_END_TOKENS:
            raise ConfigurationError(
                f"other_end_tokens: must be a list of at most {MAXIMUM_END_TOKENS}"
            )
        for token in tokens:
            if not _is_integer(token) or not 0 <= token < self.shape.vocabulary:
                raise ConfigurationError(
                    f"other_end_tokens has {token!r}: integers from 0 to "
                    f"{self.shape.vocabulary - 1}"
                )
        if len({self.end_token, *tokens}) != 1 + len(tokens):
            raise ConfigurationError("other_end_tokens: has a token twice, or end_token")

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """All ids that end a generation."""
        return (self.end_token, *self.other_end_tokens)

    def _check_texts(self) -> None:
        if not _is_short_text(self.name):
            raise ConfigurationError(
                f"name = {self.name!r}: must be printable, at most {MAXIMUM_TEXT_LENGTH} characters"
            )
        if not isinstance(self.source, dict) or not all(
            _is_short_text(key) and _is_short_text(text) for key, text in self.source.items()
        ):
            raise ConfigurationError(
                "source: must map names to printable strings of at most "
                f"{MAXIMUM_TEXT_LENGTH} characters"
            )

    def section_bytes(self) -> dict[str, int]:
        """Size of every section that the shape fixes."""
        return {
            "weights": sum(self.operation_bytes(item) for item in operation_shapes(self.shape)),
            "parameters": parameter_bytes(self.shape),
            "embedding": self.shape.vocabulary * self.shape.dim * self.embedding_bits // 8,
            "float": 4 * float_section_values(self.shape),
        }

    def operation_bytes(self, item: OperationShape) -> int:
        """Bytes of one operation in the weight stream (none for EMBED)."""
        if not item.matrices:
            return 0
        return packing.stream_bytes(item.rows, item.inputs, item.matrices, self.rows_per_beat)

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        values = {**asdict(self), "source": dict(self.source)}
        if not self.other_end_tokens:
            del values["other_end_tokens"]
        return values

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ImageHeader:
        """Build from untrusted JSON: exactly the known keys, every value checked."""
        known = set(cls.__dataclass_fields__)
        others = values.get("other_end_tokens", [])
        if not isinstance(others, list):
            raise ImageError("image header: other_end_tokens must be a list")
        values = {**values, "other_end_tokens": tuple(others)}
        if set(values) != known:
            raise ImageError(
                f"image header: missing {sorted(known - set(values))}, "
                f"unknown {sorted(set(values) - known)}"
            )
        for key in ("shape", "widths", "sampling"):
            if not isinstance(values[key], dict):
                raise ImageError(f"image header: {key} must be an object")
        if set(values["sampling"]) != set(Sampling.__dataclass_fields__):
            raise ImageError(
                f"image header: sampling must have {', '.join(Sampling.__dataclass_fields__)}"
            )
        try:
            return cls(
                **{
                    **values,
                    "shape": ModelShape.from_mapping(values["shape"]),
                    "widths": Widths.from_mapping(values["widths"]),
                    "sampling": Sampling(**values["sampling"]),
                }
            )
        except ConfigurationError as error:
            raise ImageError(f"image header: {error}") from None


def _is_short_text(value: object) -> bool:
    """Printable only: these strings reach the user's terminal."""
    return isinstance(value, str) and len(value) <= MAXIMUM_TEXT_LENGTH and value.isprintable()


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Section:
    """Where a section lies in the file."""

    offset: int
    bytes: int
    sha256: str


def _section_table(header_bytes: int, sizes: Mapping[str, int]) -> dict[str, Section]:
    table, position = {}, PREFIX.size + header_bytes
    for name, size in sizes.items():
        table[name] = Section(_aligned(position), size, _EMPTY_HASH)
        position = table[name].offset + size
    return table


def _header_json(header: ImageHeader, table: Mapping[str, Section]) -> bytes:
    document = {**header.to_mapping(), "sections": {k: asdict(v) for k, v in table.items()}}
    return json.dumps(document, indent=1, ensure_ascii=True).encode()


def _plan(header: ImageHeader, tokenizer_bytes: int, with_float: bool) -> dict[str, Section]:
    """Section table of a new file. The header's length depends on its own offsets: settle it."""
    fixed = header.section_bytes()
    sizes = {
        name: tokenizer_bytes if name == "tokenizer" else fixed[name]
        for name in SECTIONS
        if name != "float" or with_float
    }
    table = _section_table(0, sizes)
    while (settled := _section_table(len(_header_json(header, table)), sizes)) != table:
        table = settled
    return table


class ImageWriter:
    """Sections of a new image, memory-mapped in a temporary file beside the target.

    Attributes:
        weights: per operation (row tiles, matrices, beats, rows a beat) uint8, in program order.
        parameters: uint8 stream.
        embedding: (vocabulary, dim) int8 or int16.
        float_values: float32 section or None.
    """

    def __init__(self, path: Path, header: ImageHeader, tokenizer: bytes, with_float: bool) -> None:
        if len(tokenizer) > MAXIMUM_TOKENIZER_BYTES:
            raise ImageError(
                f"tokenizer has {len(tokenizer)} bytes, at most {MAXIMUM_TOKENIZER_BYTES} fit"
            )
        self._header = header
        # Room for every residual fraction that may be settled later.
        self._planned_header = replace(header, residual_fraction=RESIDUAL_FRACTIONS - 1)
        self._table = _plan(self._planned_header, len(tokenizer), with_float)
        last = list(self._table.values())[-1]
        self._map = _create_mapped(path, last.offset + last.bytes)
        self.weights = split_weights(self._view("weights"), header)
        self.parameters = self._view("parameters")
        kind = np.dtype(f"<i{header.embedding_bits // 8}")
        self.embedding = self._view("embedding").view(kind).reshape(header.shape.vocabulary, -1)
        self.float_values = self._view("float").view("<f4") if with_float else None
        self._view("tokenizer")[:] = np.frombuffer(tokenizer, np.uint8)

    def _view(self, name: str) -> NDArray[np.uint8]:
        section = self._table[name]
        return self._map[section.offset : section.offset + section.bytes]

    def set_residual_fraction(self, fraction: int) -> None:
        """Settle a header field that is only known once the whole model has been calibrated."""
        self._header = replace(self._header, residual_fraction=fraction)

    def finish(self) -> None:
        """Hash every section and write the header and the prefix."""
        table = {
            name: Section(section.offset, section.bytes, _sha256(self._view(name)))
            for name, section in self._table.items()
        }
        planned = len(_header_json(self._planned_header, self._table))
        # A field settled late may have become shorter; white space after JSON is still JSON.
        document = _header_json(self._header, table).ljust(planned)
        assert len(document) == planned
        digest = hashlib.sha256(document).digest()
        prefix = PREFIX.pack(MAGIC, FORMAT_VERSION, len(document), self._map.size, bytes(8), digest)
        self._map[: len(prefix) + len(document)] = np.frombuffer(prefix + document, np.uint8)
        self._map.flush()


@contextmanager
def write_image(
    path: Path, header: ImageHeader, tokenizer: bytes, with_float: bool = False
) -> Iterator[ImageWriter]:
    """Write an image: fill the sections inside the `with` block, hashes and header follow.

    Nothing appears at `path` unless the block ends without an exception.

    Raises:
        ImageError: the file cannot be written.
    """
    if not path.name or path.is_dir():
        raise ImageError(f"cannot write {path}: it is a folder: give a file's name in it")
    remove_abandoned_parts(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _write_errors(path):
            writer = ImageWriter(temporary, header, tokenizer, with_float)
        with in_use(temporary):
            yield writer
            with _write_errors(path):
                writer.finish()
                del writer
                temporary.replace(path)
    finally:
        # Of a folder that does not exist or cannot be written there is nothing to remove.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror or error}") from None


def _create_mapped(path: Path, size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
    """New zero file of `size` bytes, mapped; its blocks are reserved where the system can."""
    with path.open("wb") as file:
        # A mapping of a sparse file kills the process (SIGBUS) when the disk runs full.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, np.uint8, "r+", shape=(size,))


def _sha256(data: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256()
    for start in range(0, data.size, _HASH_CHUNK):
        digest.update(data[start : start + _HASH_CHUNK].data)
    return digest.hexdigest()


def _matrix_items(header: ImageHeader) -> list[OperationShape]:
    return [item for item in operation_shapes(header.shape) if item.matrices]


def split_weights(stream: NDArray[np.uint8], header: ImageHeader) -> tuple[NDArray[np.uint8], ...]:
    """Views (row tiles, matrices, beats, rows a beat) of each operation, in program order."""
    views, position = [], 0
    for item in _matrix_items(header):
        size = header.operation_bytes(item)
        shape = packing.stream_shape(item.rows, item.inputs, item.matrices, header.rows_per_beat)
        views.append(stream[position : position + size].reshape(shape))
        position += size
    return tuple(views)


class ImageFile:
    """An open file, closed with its last user. Unlike with a mapping, no page of it stays.

    Attributes:
        descriptor: of the system.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.descriptor = self._file.fileno()
        self._lock = threading.Lock()  # position and read belong together
        # Closed without a warning when nobody needs it any more.
        weakref.finalize(self, self._file.close)

        self._state = self._current_state()

    def start(self) -> bytes:
        """The first bytes."""
        with self._lock:
            self._file.seek(0)
            return self._file.read(PREFIX.size)

    def check_unchanged(self) -> None:
        """
        Raises:
            ImageError: the file was written to after it was opened.
        """
        if self._current_state() != self._state:
            raise ImageError(
                "the image was changed while it is in use: open it again (to replace an image, "
                "write a new file and rename it)"
            )

    def _current_state(self) -> tuple[int, int]:
        status = os.fstat(self.descriptor)
        return status.st_size, status.st_mtime_ns

    def read_into(self, buffer: NDArray[np.uint8], position: int) -> None:
        """Fill `buffer` from that position of the file. Several threads may.

        Raises:
            ImageError: the file is shorter than it was.
        """
        view = buffer.data
        with self._lock:
            self._file.seek(position)
            while len(view):
                count = self._file.readinto(view)
                if not count:
                    raise ImageError("the file became shorter while it was read")
                view = view[count:]


@dataclass(frozen=True)
class Image:
    """An opened, checked image. The arrays are read-only views of the mapped file.

    Attributes:
        path: the file.
        header: its header.
        weight_stream: uint8, the whole stream.
        parameter_stream: uint8, the in-band program.
        embedding: (vocabulary, dim) int8 or int16 mantissas.
        tokenizer: `tokenizer.json` of the model.
        float_values: float32 gains and scales for the float reference, or None.
        file_bytes: size of the file.
        sections: where the sections lie in the file.
        file: the open file, or None for an image that was made in memory.
    """

    path: Path
    header: ImageHeader
    weight_stream: NDArray[np.uint8]
    parameter_stream: NDArray[np.uint8]
    embedding: NDArray[np.int8] | NDArray[np.int16]
    tokenizer: bytes
    float_values: NDArray[np.float32] | None
    file_bytes: int
    sections: Mapping[str, Section]
    file: ImageFile | None = None

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
    path = Path(path)
    try:
        file = ImageFile(path)
        file_bytes = os.fstat(file.descriptor).st_size
        if is_lfs_pointer(file.start()):
            raise ImageError(f"{path} {LFS_REMEDY}")
        if file_bytes < PREFIX.size:
            raise ImageError(f"{path}: {file_bytes} bytes is too short for a Tritforge image")
        mapped = mmap.mmap(file.descriptor, 0, access=mmap.ACCESS_READ)
        image = _check_image(path, file, np.frombuffer(mapped, np.uint8))
        if hasattr(mapped, "madvise"):
            # What the checks have touched need not stay in memory; it comes back when it is used.
            mapped.madvise(mmap.MADV_DONTNEED)
        return image
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
    except ImageError as error:
        text = str(error)
        if len(text) > _LONGEST_ERROR:
            text = f"{text[:_LONGEST_ERROR]} ..."
        raise ImageError(f"{path}: {text}") from None


def _check_image(path: Path, file: ImageFile, data: NDArray[np.uint8]) -> Image:
    header, table = _read_header(data)
    views = {name: data[item.offset : item.offset + item.bytes] for name, item in table.items()}
    _check_contents(file, table, header)
    kind = np.dtype(f"<i{header.embedding_bits // 8}")
    image = Image(
        path=path,
        header=header,
        weight_stream=views["weights"],
        parameter_stream=views["parameters"],
        embedding=views["embedding"].view(kind).reshape(header.shape.vocabulary, header.shape.dim),
        tokenizer=views["tokenizer"].tobytes(),
        float_values=views["float"].view("<f4") if "float" in views else None,
        file_bytes=data.size,
        sections=table,
        file=file,
    )
    image.operations()
    if image.float_values is not None and not np.isfinite(image.float_values).all():
        raise ImageError("section float holds values that are not finite")
    return image


def _check_contents(file: ImageFile, table: Mapping[str, Section], header: ImageHeader) -> None:
    """Check the hashes and the weights; a second thread hashes the largest section meanwhile."""
    largest = max(table, key=lambda name: table[name].bytes)
    hashes: dict[str, str] = {}
    failures: list[BaseException] = []

    def hash_section(name: str) -> None:
        hashes[name] = _section_hash(file, table[name])

    def hash_largest() -> None:
        try:
            hash_section(largest)
        except BaseException as error:
            failures.append(error)

    helper = threading.Thread(target=hash_largest)
    helper.start()
    invalid: ImageError | None = None
    try:
        for name in table:
            if name != largest:
                hash_section(name)
        _check_weights(file, table["weights"], header)
    except ImageError as error:
        invalid = error
    finally:
        helper.join()
    if failures:
        raise failures[0]
    for name, section in table.items():
        # Damage explains an invalid code, not the other way round.
        if hashes.get(name, section.sha256) != section.sha256:
            raise ImageError(
                f"section {name} does not match its SHA-256: the file is damaged; convert or "
                "download it again"
            )
    if invalid is not None:
        raise invalid


def _section_hash(file: ImageFile, section: Section) -> str:
    digest = hashlib.sha256()
    buffer = np.empty(min(_READ_CHUNK, section.bytes), np.uint8)
    for start in range(0, section.bytes, _READ_CHUNK):
        chunk = buffer[: section.bytes - start]
        file.read_into(chunk, section.offset + start)
        digest.update(chunk.data)
    return digest.hexdigest()


def _check_weights(file: ImageFile, section: Section, header: ImageHeader) -> None:
    """Check codes and padding, some whole row tiles at a time."""
    position = 0
    for item in _matrix_items(header):
        tiles, *tile_shape = packing.stream_shape(
            item.rows, item.inputs, item.matrices, header.rows_per_beat
        )
        tile_bytes = math.prod(tile_shape)
        step = max(1, _READ_CHUNK // tile_bytes)
        buffer = np.empty(step * tile_bytes, np.uint8)
        for tile in range(0, tiles, step):
            count = min(step, tiles - tile)
            chunk = buffer[: count * tile_bytes]
            file.read_into(chunk, section.offset + position)
            packing.check_codes(chunk, position)
            rows = min(count * header.rows_per_beat, item.rows - tile * header.rows_per_beat)
            packing.check_padding(chunk.reshape(count, *tile_shape), rows, item.inputs)
            position += chunk.size


def _read_header(data: NDArray[np.uint8]) -> tuple[ImageHeader, dict[str, Section]]:
    magic, version, header_bytes, file_bytes, reserved, digest = PREFIX.unpack(
        data[: PREFIX.size].tobytes()
    )
    if magic != MAGIC:
        raise ImageError("not a Tritforge image (wrong magic); make one with `tritforge convert`")
    if version != FORMAT_VERSION:
        raise ImageError(
            f"image format version {version}, this program reads version {FORMAT_VERSION}; "
            "convert the model again"
        )
    if file_bytes != data.size:
        raise ImageError(f"the file has {data.size} bytes, its prefix says {file_bytes}")
    if reserved != bytes(8):
        raise ImageError("reserved bytes of the prefix are not zero")
    if not 2 <= header_bytes <= min(MAXIMUM_HEADER_BYTES, data.size - PREFIX.size):
        raise ImageError(f"header length {header_bytes} is out of range")
    document = data[PREFIX.size : PREFIX.size + header_bytes].tobytes()
    if hashlib.sha256(document).digest() != digest:
        raise ImageError("the header does not match its SHA-256: the file is damaged")
    try:
        values = json.loads(document, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise ImageError("the header is not valid JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("sections"), dict):
        raise ImageError("the header must be a JSON object with a section table")
    sections = values.pop("sections")
    header = ImageHeader.from_mapping(values)
    table = _check_sections(header, header_bytes, sections, data.size)
    _check_padding(data, header_bytes, table)
    return header, table


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers must not see two different headers in one file."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ImageError("the header has a key twice")
    return values


def _check_padding(
    data: NDArray[np.uint8], header_bytes: int, table: Mapping[str, Section]
) -> None:
    """The gaps between sections carry nothing, so that every byte of a file is checked."""
    end = PREFIX.size + header_bytes
    for item in table.values():
        if data[end : item.offset].any():
            raise ImageError(f"padding before byte {item.offset} is not zero")
        end = item.offset + item.bytes


def _check_sections(
    header: ImageHeader, header_bytes: int, given: Mapping[str, Any], file_bytes: int
) -> dict[str, Section]:
    names = [name for name in SECTIONS if name in given or name not in _OPTIONAL_SECTIONS]
    if list(given) != names:
        raise ImageError(f"section table must be {names}, found {list(given)}")
    sizes = header.section_bytes()
    table, position = {}, PREFIX.size + header_bytes
    for name in names:
        item = given[name]
        if not isinstance(item, dict) or set(item) != set(Section.__dataclass_fields__):
            raise ImageError(f"section {name}: must have offset, bytes and sha256")
        size = item["bytes"]
        if not _is_integer(size) or not 0 <= size <= file_bytes:
            raise ImageError(f"section {name}: bytes is {size!r}, not from 0 to {file_bytes}")
        expected = {"offset": _aligned(position), "bytes": sizes.get(name, size)}
        if name == "tokenizer" and size > MAXIMUM_TOKENIZER_BYTES:
            raise ImageError(f"tokenizer has {size} bytes, allowed are {MAXIMUM_TOKENIZER_BYTES}")
        for key, value in expected.items():
            if not _is_integer(item[key]) or item[key] != value:
                raise ImageError(
                    f"section {name}: {key} is {item[key]!r}, the model shape implies {value}"
                )
        if not isinstance(item["sha256"], str) or len(item["sha256"]) != len(_EMPTY_HASH):
            raise ImageError(f"section {name}: sha256 must be 64 hex digits")
        table[name] = Section(**item)
        position = table[name].offset + size
    if position != file_bytes:
        raise ImageError(f"the sections end at byte {position}, the file at {file_bytes}")
    return table
