# SPDX-License-Identifier: Apache-2.0
"""The in-band program: operations with their gains, shifts and scales, and the parameter stream.

One token is one pass over the operations in order: EMBED, then per layer MIX, PROJECT (attention
output), GLU, PROJECT (down), and HEAD. The stream holds one record per operation: a 64-byte header,
then the payload (docs/image-format.md). Everything is little-endian and 8-byte aligned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ImageError
from tritforge.language_model.config import ModelShape, Widths

MAXIMUM_CONSUMERS = 3
WORD_BYTES = 8
RECORD_MAGIC = 0x5446  # "FT"
#: Allowed values of every header field that is not fixed by the shape.
SHIFT_RANGE = (0, 47)
SCALE_EXPONENT_RANGE = (-128, 127)


class OperationKind(IntEnum):
    """The five operations of the machine (docs/architecture.md)."""

    EMBED = 1
    MIX = 2
    PROJECT = 3
    GLU = 4
    HEAD = 5


@dataclass(frozen=True)
class ScaledOutput:
    """One BitLinear fed by an operation's quantiser.

    Attributes:
        gain: int16 (K,), mantissas of norm gain times the BitLinear's own gain.
        value_shift: bits dropped from t * gain to give v.
        scale_mantissa, scale_exponent: mantissa * 2**-exponent = weight scale * sqrt(K) / 127,
            in units of the destination's last bit; mantissa 0 where the scale cancels later.
    """

    gain: NDArray[np.int16]
    value_shift: int
    scale_mantissa: int
    scale_exponent: int


class ArgumentShifts(NamedTuple):
    """Formats of an operation's pre-activations: their fraction bits below those of a sigmoid
    argument.

    Attributes:
        forget: MIX: the forget gate.
        others: MIX: the candidate, and less `Widths.narrowing` the state; GLU: the gate.
    """

    forget: int = 0
    others: int = 0


#: Shifts of operations without pre-activations.
NO_SHIFTS = ArgumentShifts()


@dataclass(frozen=True)
class Operation:
    """One operation of the in-band program.

    Attributes:
        kind: what it does.
        layer: index of its block (0 for EMBED and HEAD).
        inputs: K, length of the quantised vector.
        rows: N, rows of each weight matrix.
        matrices: how many matrices of that shape have their row tiles interleaved in the weight
            stream (MIX: f, i, g; GLU: gate, up).
        input_shift: bits dropped from the residual (MIX, GLU, HEAD) or from the gated product
            (PROJECT) to give the operand t.
        square_shift: bits dropped from t * norm_gain to give u.
        square_offset: added to the sum of u * u: the epsilon of the norms.
        shifts: formats of the pre-activations, MIX and GLU only.
        norm_gain: int16 (K,) or None where the norm has no gain of its own.
        outputs: BitLinears fed, in weight-stream order; the two GLU matrices share one.
        lower_bound: uint16 (K,) forget-gate lower bounds, words of `wire.lower_bound`, MIX only.
    """

    kind: OperationKind
    layer: int
    inputs: int
    rows: int
    matrices: int
    input_shift: int
    square_shift: int = 0
    norm_gain: NDArray[np.int16] | None = None
    outputs: tuple[ScaledOutput, ...] = ()
    lower_bound: NDArray[np.uint16] | None = None
    square_offset: int = 0
    shifts: ArgumentShifts = NO_SHIFTS


@dataclass(frozen=True)
class OperationShape:
    """What the model shape alone fixes of an operation."""

    kind: OperationKind
    layer: int
    inputs: int
    rows: int
    matrices: int
    outputs: int
    has_norm_gain: bool

    def operation(
        self,
        *,
        input_shift: int = 0,
        square_shift: int = 0,
        norm_gain: NDArray[np.int16] | None = None,
        outputs: tuple[ScaledOutput, ...] = (),
        lower_bound: NDArray[np.uint16] | None = None,
        square_offset: int = 0,
        shifts: ArgumentShifts = NO_SHIFTS,
    ) -> Operation:
        """The operation of this shape with these parameters, which `Operation` explains."""
        return Operation(
            self.kind,
            self.layer,
            self.inputs,
            self.rows,
            self.matrices,
            input_shift,
            square_shift,
            norm_gain,
            outputs,
            lower_bound,
            square_offset,
            shifts,
        )

    @property
    def has_lower_bound(self) -> bool:
        """Only the recurrence has a lower bound."""
        return self.kind is OperationKind.MIX

    @property
    def gains_per_input(self) -> int:
        """16-bit gains that belong to one input element, stored side by side."""
        return int(self.has_norm_gain) + self.outputs

    @property
    def payload_bytes(self) -> int:
        """Bytes of gains and lower bounds, each padded to whole 64-bit words."""
        total = _padded(2 * self.inputs * self.gains_per_input)
        return total + (_padded(2 * self.inputs) if self.has_lower_bound else 0)


def operation_shapes(shape: ModelShape) -> Iterator[OperationShape]:
    """The program of a model of that shape, in order of use."""
    kind, dim = OperationKind, shape.dim
    yield OperationShape(kind.EMBED, 0, dim, shape.vocabulary, 0, 0, False)
    for layer in range(shape.layers):
        glu = shape.glu_width
        yield OperationShape(kind.MIX, layer, dim, dim, 3, 3, True)
        yield OperationShape(kind.PROJECT, layer, dim, dim, 1, 1, True)
        yield OperationShape(kind.GLU, layer, dim, glu, 2, 1, True)
        yield OperationShape(kind.PROJECT, layer, glu, dim, 1, 1, False)
    yield OperationShape(kind.HEAD, 0, dim, shape.vocabulary, 1, 1, True)


_OUTPUT_FIELDS = [("scale_mantissa", "<u4"), ("scale_exponent", "<i2"), ("value_shift", "<u2")]
RECORD_HEADER = np.dtype(
    [
        ("magic", "<u2"),
        ("kind", "u1"),
        ("outputs", "u1"),
        ("layer", "<u2"),
        ("has_norm_gain", "u1"),
        ("matrices", "u1"),
        ("inputs", "<u4"),
        ("rows", "<u4"),
        ("payload_bytes", "<u4"),
        ("input_shift", "<u2"),
        ("square_shift", "<u2"),
        ("output", _OUTPUT_FIELDS, (MAXIMUM_CONSUMERS,)),
        ("square_offset", "<u8"),
        ("forget_shift", "u1"),
        ("argument_shift", "u1"),
        ("reserved", "V6"),
    ]
)
assert RECORD_HEADER.itemsize == 64


def _padded(size: int) -> int:
    return -(-size // WORD_BYTES) * WORD_BYTES


def parameter_bytes(shape: ModelShape) -> int:
    """Size of the parameter stream of a model of that shape."""
    return sum(RECORD_HEADER.itemsize + item.payload_bytes for item in operation_shapes(shape))


def encode_operation(operation: Operation) -> bytes:
    """One record of the parameter stream."""
    header = np.zeros((), RECORD_HEADER)
    gains = [] if operation.norm_gain is None else [operation.norm_gain]
    gains += [output.gain for output in operation.outputs]
    payload = b""
    if gains:
        # Element-major: the hardware needs all gains of one element in the same cycle.
        payload += _pad(np.stack(gains, axis=1).astype("<i2").tobytes())
    if operation.lower_bound is not None:
        payload += _pad(operation.lower_bound.astype("<u2").tobytes())
    header["magic"] = RECORD_MAGIC
    header["outputs"] = len(operation.outputs)
    header["has_norm_gain"] = operation.norm_gain is not None
    header["payload_bytes"] = len(payload)
    for name in ("kind", "layer", "matrices", "inputs", "rows"):
        header[name] = getattr(operation, name)
    for name in ("input_shift", "square_shift", "square_offset"):
        header[name] = getattr(operation, name)
    header["forget_shift"], header["argument_shift"] = operation.shifts
    for slot, output in zip(header["output"], operation.outputs):
        for name in ("scale_mantissa", "scale_exponent", "value_shift"):
            slot[name] = getattr(output, name)
    return header.tobytes() + payload


def _pad(data: bytes) -> bytes:
    return data.ljust(_padded(len(data)), b"\0")


def scale_mantissa_range(widths: Widths) -> tuple[int, int]:
    """Allowed scale mantissas."""
    return 0, (1 << widths.multiplier) - 1


def square_offset_range(widths: Widths) -> tuple[int, int]:
    """Allowed offsets of the sum of squares."""
    return 0, (1 << widths.square_sum) - 1


def shift_ranges(kind: OperationKind, widths: Widths) -> dict[str, tuple[int, int]]:
    """Allowed argument shifts of a kind of operation, by field."""
    is_mix, unused = kind is OperationKind.MIX, (0, 0)
    has_gate = is_mix or kind is OperationKind.GLU
    return {
        "forget_shift": widths.forget_shifts if is_mix else unused,
        "argument_shift": widths.argument_shifts if has_gate else unused,
    }


def decode_operations(
    stream: NDArray[np.uint8], shape: ModelShape, widths: Widths
) -> tuple[Operation, ...]:
    """Parse and check a whole parameter stream against the model shape and the bit widths.

    Args:
        stream: untrusted bytes; the arrays of the result are views of it.

    Raises:
        ImageError: any field differs from what the shape implies or leaves its range.
    """
    if stream.size != parameter_bytes(shape):
        raise ImageError(
            f"parameter stream has {stream.size} bytes, the shape needs {parameter_bytes(shape)}"
        )
    operations, position = [], 0
    for expected in operation_shapes(shape):
        size = RECORD_HEADER.itemsize + expected.payload_bytes
        record = stream[position : position + size]
        where = f"record at byte {position}"
        operations.append(_decode_operation(record, expected, widths, where))
        position += size
    return tuple(operations)


def _check_fixed_fields(header: np.void, expected: OperationShape, where: str) -> None:
    fixed = {
        "magic": RECORD_MAGIC,
        "kind": int(expected.kind),
        "outputs": expected.outputs,
        "layer": expected.layer,
        "has_norm_gain": int(expected.has_norm_gain),
        "matrices": expected.matrices,
        "inputs": expected.inputs,
        "rows": expected.rows,
        "payload_bytes": expected.payload_bytes,
    }
    for name, value in fixed.items():
        if int(header[name]) != value:
            raise ImageError(
                f"parameter stream, {where}: {name} is {int(header[name])}, expected {value}"
            )
    if bytes(header["reserved"]).strip(b"\0"):
        raise ImageError(f"parameter stream, {where}: reserved bytes are not zero")


def _payload(
    payload: NDArray[np.uint8], expected: OperationShape, widths: Widths, where: str
) -> tuple[NDArray[np.int16], NDArray[np.uint16] | None]:
    """Gains (inputs, gains_per_input) and lower bound (inputs,) or None."""
    gain_bytes = 2 * expected.inputs * expected.gains_per_input
    bounds = payload[_padded(gain_bytes) :].view("<u2")
    if payload[gain_bytes : _padded(gain_bytes)].any() or bounds[expected.inputs :].any():
        raise ImageError(f"parameter stream, {where}: padding of the payload is not zero")
    gains = payload[:gain_bytes].view("<i2").reshape(expected.inputs, expected.gains_per_input)
    limit = (1 << (widths.gain - 1)) - 1
    if gains.size and (gains.min() < -limit or gains.max() > limit):
        raise ImageError(
            f"parameter stream, {where}: a gain is outside -{limit} to {limit} ({widths.gain} bits)"
        )
    return gains, bounds[: expected.inputs] if expected.has_lower_bound else None


def _decode_operation(
    record: NDArray[np.uint8], expected: OperationShape, widths: Widths, where: str
) -> Operation:
    header = record[: RECORD_HEADER.itemsize].view(RECORD_HEADER)[0]
    _check_fixed_fields(header, expected, where)
    gains, lower_bound = _payload(record[RECORD_HEADER.itemsize :], expected, widths, where)
    is_embed = expected.kind is OperationKind.EMBED
    first, unused = int(expected.has_norm_gain), (0, 0)
    outputs = []
    for index, slot in enumerate(header["output"]):
        used = index < expected.outputs
        mantissas = scale_mantissa_range(widths)
        shift = _field(slot, "value_shift", SHIFT_RANGE if used else unused, where)
        mantissa = _field(slot, "scale_mantissa", mantissas if used else unused, where)
        exponent = _field(slot, "scale_exponent", SCALE_EXPONENT_RANGE if used else unused, where)
        if used:
            outputs.append(ScaledOutput(gains[:, first + index], shift, mantissa, exponent))
    shifts = unused if is_embed else SHIFT_RANGE
    return expected.operation(
        input_shift=_field(header, "input_shift", shifts, where),
        square_shift=_field(header, "square_shift", shifts, where),
        square_offset=_field(
            header, "square_offset", unused if is_embed else square_offset_range(widths), where
        ),
        shifts=ArgumentShifts(
            *(
                _field(header, name, allowed, where)
                for name, allowed in shift_ranges(expected.kind, widths).items()
            )
        ),
        norm_gain=gains[:, 0] if expected.has_norm_gain else None,
        outputs=tuple(outputs),
        lower_bound=lower_bound,
    )


def _field(record: np.void, name: str, allowed: tuple[int, int], where: str) -> int:
    value = int(record[name])
    if not allowed[0] <= value <= allowed[1]:
        raise ImageError(
            f"parameter stream, {where}: {name} is {value}, allowed are "
            f"{allowed[0]} to {allowed[1]}"
        )
    return value
