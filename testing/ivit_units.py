# SPDX-License-Identifier: Apache-2.0
"""Error of Shiftmax and ShiftGELU against the exact functions, and against upstream's float32.

`benchmarks.ivit_units` is the command line.

Integers stand for reals in [-8, 8], quantised as upstream does: scale 8 / (2**(bits - 1) - 1). The
width `bits` is that of the input and of the output share.

* Shiftmax: random rows, uniform over the whole range; error of a probability.
* ShiftGELU: every input below every row maximum; error of x * sigmoid(1.702 x) as an activation.

With --random-scales instead: outputs that upstream's float32 changes for scales as models have
them. Upstream carries integers as x * scale and gets them back as x * scale / scale in float32,
which is not x for most scales; for those of the first table it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import RandomState

from testing.ivit_upstream import (
    FLOAT32,
    ONLY_NUMERATOR,
    ONLY_ROUND_TRIP,
    FloatArray,
    Int64Array,
    upstream_gelu,
    upstream_softmax,
)
from tritforge.errors import ConfigurationError, install_command
from tritforge.ivit.golden import (
    ShiftgeluConfig,
    ShiftmaxConfig,
    shiftgelu,
    shiftmax,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.whole_file import whole_file

WIDTHS = (6, 8, 10)
SHIFTMAX_N = (11, 15, 19)
SHIFTGELU_N = (15, 19, 23)
#: Scores after scaling, and pre-activations, lie in [-RANGE, RANGE].
RANGE = 8.0
ROW = 197
ROWS = 400
PLOT_BITS = 8
#: Scales as activations of 8 bits have them.
RANDOM_SCALES = 200
SCALE_LIMITS = (0.01, 0.3)
SCALE_ROWS = 20
#: Standard deviation of the reals that they quantise.
SPREAD = 1.0

UPSTREAM_VARIANTS = (FLOAT32, ONLY_NUMERATOR, ONLY_ROUND_TRIP)


@dataclass(frozen=True)
class Measurement:
    """Error of one unit with one n and one width.

    Attributes:
        clamps: the sum of exponentials can reach upstream's clamp at 2**31 - 1.
        largest_error, mean_error: absolute, over all elements.
        differs_from_float32: share of outputs that upstream's float32 code computes differently.
        largest_difference: of these, in units of the last place.
        differs_by_numerator: share for which 2**31 instead of 2**31 - 1 is enough to differ.
        differs_by_round_trip: share for which x * scale / scale instead of x is enough to differ.
    """

    unit: str
    bits: int
    n: int
    x0: int
    clamps: bool
    largest_error: float
    mean_error: float
    differs_from_float32: float
    largest_difference: int
    differs_by_numerator: float
    differs_by_round_trip: float


def softmax(x: FloatArray) -> FloatArray:
    """Exact softmax of the last axis."""
    exponential = np.exp(x - x.max(axis=-1, keepdims=True))
    result: FloatArray = exponential / exponential.sum(axis=-1, keepdims=True)
    return result


def gelu(x: FloatArray) -> FloatArray:
    """Exact GELU."""
    erf = np.vectorize(math.erf, otypes=[float])
    result: FloatArray = x * (1 + erf(x / math.sqrt(2))) / 2
    return result


def scale_of(bits: int) -> float:
    """Scale of symmetric quantisation of [-RANGE, RANGE]."""
    return RANGE / ((1 << (bits - 1)) - 1)


def _measurement(
    config: ShiftmaxConfig | ShiftgeluConfig,
    x0_magnitude: int,
    error: FloatArray,
    differences: Sequence[Int64Array],
) -> Measurement:
    """Figures of all elements; `differences` in the order of UPSTREAM_VARIANTS."""
    shares = [np.count_nonzero(item) / item.size for item in differences]
    return Measurement(
        unit=config.unit,
        bits=config.input_bits,
        n=config.n,
        x0=-x0_magnitude,
        clamps=config.sum_can_clamp,
        largest_error=float(np.abs(error).max()),
        mean_error=float(np.abs(error).mean()),
        differs_from_float32=shares[0],
        largest_difference=int(np.abs(differences[0]).max()),
        differs_by_numerator=shares[1],
        differs_by_round_trip=shares[2],
    )


def measure_shiftmax(bits: int, n: int) -> Measurement:
    """Random rows over the whole range."""
    scale = scale_of(bits)
    x0_magnitude = x0_magnitude_of(scale)
    config = ShiftmaxConfig(ROW, input_bits=bits, output_bits=bits, n=n, largest_x0=x0_magnitude)
    half = 1 << (bits - 1)
    # NumPy keeps the streams of RandomState stable across versions.
    x = RandomState(0).randint(-half, half, (ROWS, ROW), dtype=np.int64)
    result = shiftmax(x, x0_magnitude, config)
    error = result / half - softmax(x * scale)
    differences = [
        result - upstream_softmax(x, scale, n, bits, arithmetic) for arithmetic in UPSTREAM_VARIANTS
    ]
    return _measurement(config, x0_magnitude, error, differences)


def measure_shiftgelu(bits: int, n: int) -> Measurement:
    """Every input below every maximum."""
    scale = scale_of(bits)
    x0_magnitude = sigmoid_x0_magnitude_of(scale)
    half = 1 << (bits - 1)
    config = ShiftgeluConfig(
        2 * half, input_bits=bits, output_bits=bits, n=n, largest_x0=x0_magnitude
    )
    errors: list[FloatArray] = []
    differences: list[list[Int64Array]] = [[] for _ in UPSTREAM_VARIANTS]
    for maximum in range(-half, half):
        x = np.arange(-half, maximum + 1)
        result = shiftgelu(x, x0_magnitude, config)
        errors.append(result * scale / half - gelu(x * scale))
        for collected, arithmetic in zip(differences, UPSTREAM_VARIANTS):
            collected.append(result - upstream_gelu(x, scale, n, bits, arithmetic))
    joined = [np.concatenate(item) for item in differences]
    return _measurement(config, x0_magnitude, np.concatenate(errors), joined)


def measure() -> list[Measurement]:
    """All units, widths and n."""
    return [
        function(bits, n)
        for function, shifts in ((measure_shiftmax, SHIFTMAX_N), (measure_shiftgelu, SHIFTGELU_N))
        for bits in WIDTHS
        for n in shifts
    ]


@dataclass(frozen=True)
class ScaleMeasurement:
    """Outputs of one unit unlike upstream's float32, over RANDOM_SCALES scales.

    Attributes:
        affected_scales: share of the scales for which x * scale / scale is not x for some x.
        mean, worst: share of outputs unlike upstream, mean of all scales and the worst of them.
        mean_by_numerator: share for which 2**31 instead of 2**31 - 1 is enough to differ.
        mean_by_round_trip: share for which x * scale / scale instead of x is enough to differ.
        largest_difference: in units of the last place.
    """

    unit: str
    input_bits: int
    output_bits: int
    n: int
    affected_scales: float
    mean: float
    worst: float
    mean_by_numerator: float
    mean_by_round_trip: float
    largest_difference: int


def measure_random_scales() -> list[ScaleMeasurement]:
    """Shiftmax with 8 and 16 bits out, ShiftGELU with 8: 8 bits in, upstream's n."""
    return [
        _measure_scales(ShiftmaxConfig.unit, 8),
        _measure_scales(ShiftmaxConfig.unit, 16),
        _measure_scales(ShiftgeluConfig.unit, 8),
    ]


def _measure_scales(unit: str, output_bits: int) -> ScaleMeasurement:
    random = RandomState(0)
    scales = random.uniform(*SCALE_LIMITS, RANDOM_SCALES).astype(np.float32)
    codes = np.arange(-128, 128)
    affected = [bool((FLOAT32.inputs(codes, float(scale)) != codes).any()) for scale in scales]
    shares: list[list[float]] = [[] for _ in UPSTREAM_VARIANTS]
    largest = n = 0
    for scale in map(float, scales):
        reals = random.normal(0, SPREAD, (SCALE_ROWS, ROW))
        x = np.clip(np.rint(reals / scale), -128, 127).astype(np.int64)
        if unit == ShiftmaxConfig.unit:
            x0_magnitude = x0_magnitude_of(scale)
            softmax_config = ShiftmaxConfig(ROW, 8, output_bits, largest_x0=x0_magnitude)
            n, emulate = softmax_config.n, upstream_softmax
            result = shiftmax(x, x0_magnitude, softmax_config)
        else:
            x0_magnitude = sigmoid_x0_magnitude_of(scale)
            gelu_config = ShiftgeluConfig(ROW, 8, output_bits, largest_x0=x0_magnitude)
            n, emulate = gelu_config.n, upstream_gelu
            result = shiftgelu(x, x0_magnitude, gelu_config)
        differences = [
            result - emulate(x, scale, n, output_bits, arithmetic)
            for arithmetic in UPSTREAM_VARIANTS
        ]
        for collected, difference in zip(shares, differences):
            collected.append(np.count_nonzero(difference) / x.size)
        largest = max(largest, int(np.abs(differences[0]).max()))
    means = [float(np.mean(item)) for item in shares]
    return ScaleMeasurement(
        unit=unit,
        input_bits=8,
        output_bits=output_bits,
        n=n,
        affected_scales=float(np.mean(affected)),
        mean=means[0],
        worst=max(shares[0]),
        mean_by_numerator=means[1],
        mean_by_round_trip=means[2],
        largest_difference=largest,
    )


def scale_table(measurements: Sequence[ScaleMeasurement]) -> str:
    """Text table, one line per unit."""
    lines = [
        f"{'bits':>17}{'scales with':>17}{'outputs unlike float32':>35}{'alone':>16}",
        f"{'unit':<10}{'in':>3}{'out':>4}{'n':>4}{'x*s/s != x':>13}{'mean scale':>13}"
        f"{'worst scale':>13}{'by up to':>10}{'2**31':>8}{'x*s/s':>8}",
    ]
    lines += [
        f"{item.unit:<10}{item.input_bits:>3}{item.output_bits:>4}{item.n:>4}"
        f"{item.affected_scales:>13.0%}{item.mean:>13.2%}{item.worst:>13.1%}"
        f"{item.largest_difference:>10}{item.mean_by_numerator:>8.2%}"
        f"{item.mean_by_round_trip:>8.2%}"
        for item in measurements
    ]
    return "\n".join(lines)


def table(measurements: Sequence[Measurement]) -> str:
    """Text table, one line per measurement."""
    lines = [
        f"{'error against the exact function':>67}{'elements unlike upstream':>36}",
        f"{'unit':<9}{'bits':>5}{'n':>4}{'x0':>5}{'sum clamps':>12}{'largest':>16}{'mean':>16}"
        f"{'float32':>12}{'by up to':>10}{'2**31':>8}{'x*s/s':>8}",
    ]
    lines += [
        f"{item.unit:<9}{item.bits:>5}{item.n:>4}{item.x0:>5}{'yes' if item.clamps else 'no':>12}"
        f"{item.largest_error:>16.5f}{item.mean_error:>16.6f}"
        f"{item.differs_from_float32:>12.2%}{item.largest_difference:>10}"
        f"{item.differs_by_numerator:>8.2%}{item.differs_by_round_trip:>8.2%}"
        for item in measurements
    ]
    return "\n".join(lines)


def _row_errors(bits: int) -> dict[str, dict[int, tuple[FloatArray, FloatArray]]]:
    """Unit -> n -> reals and errors of the row that holds every input once."""
    half, scale = 1 << (bits - 1), scale_of(bits)
    x = np.arange(-half, half)
    softmax_errors: dict[int, tuple[FloatArray, FloatArray]] = {}
    gelu_errors: dict[int, tuple[FloatArray, FloatArray]] = {}
    for n in SHIFTMAX_N:
        x0_magnitude = x0_magnitude_of(scale)
        softmax_config = ShiftmaxConfig(2 * half, bits, bits, n, x0_magnitude)
        result = shiftmax(x, x0_magnitude, softmax_config) / half
        softmax_errors[n] = x * scale, result - softmax(x * scale)
    for n in SHIFTGELU_N:
        x0_magnitude = sigmoid_x0_magnitude_of(scale)
        gelu_config = ShiftgeluConfig(2 * half, bits, bits, n, x0_magnitude)
        result = shiftgelu(x, x0_magnitude, gelu_config) * scale / half
        gelu_errors[n] = x * scale, result - gelu(x * scale)
    return {"Shiftmax": softmax_errors, "ShiftGELU": gelu_errors}


def plot(path: Path) -> None:
    """Error over the input, one panel per unit, as SVG or PNG by the name of the file.

    Raises:
        ConfigurationError: matplotlib is missing or the name ends otherwise.
    """
    if path.suffix not in (".svg", ".png"):
        raise ConfigurationError(f"--plot {path}: the name must end in .svg or .png")
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"--plot needs matplotlib: {install_command('plot')}") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (unit, curves) in zip(figure.subplots(1, 2), _row_errors(PLOT_BITS).items()):
        for n, (x, deviation) in curves.items():
            axes.plot(x, deviation, label=f"n = {n}", linewidth=1)
        axes.set(title=f"{unit}, {PLOT_BITS} bits, one row of all inputs", xlabel="x")
        axes.set_ylabel("integer result - exact result")
        axes.legend()
    # Without date and random names the same figures give the same file.
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "tritforge"}), whole_file(path) as part:
        figure.savefig(part, metadata=metadata)
