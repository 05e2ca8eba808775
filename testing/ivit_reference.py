# SPDX-License-Identifier: Apache-2.0
"""Golden units of I-ViT against integer vectors made by running upstream's modules.

python -m benchmarks.ivit_reference --reference DIR [--json]

DIR holds shiftmax.npz, shiftgelu.npz, layernorm.npz, dyadic.npz, quantisers.npz and block.npz: what
upstream's PyTorch modules give for random integers, as they are (`float32`) and with float64
tensors, which make the formulas exact (`float64`). Every array is compared with the golden
functions, and with this repository's float32 emulation of upstream (testing/ivit_upstream.py):
where the golden integer differs from float32 and the emulation does not, float32 is the cause.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testing.ivit_random_model import RandomModel
from testing.ivit_upstream import (
    FLOAT32,
    upstream_gelu,
    upstream_layer_norm,
    upstream_linear,
    upstream_requantise,
    upstream_scale,
    upstream_softmax,
)
from tritforge.errors import TritforgeError
from tritforge.ivit.calibrate import UPSTREAM_MOMENTUM, ActivationRange
from tritforge.ivit.config import LayerNormConfig, ShiftgeluConfig, ShiftmaxConfig
from tritforge.ivit.golden import (
    IvitGoldenModel,
    Trace,
    dyadic_product,
    layer_norm,
    matrix_product,
    requantise,
    residual_add,
    shiftgelu,
    shiftmax,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.parameters import Requantisation, ResidualParameters, VisionParameters
from tritforge.ivit.quantise import (
    dyadic_factors,
    layer_norm_constants,
    quantise_bias,
    quantise_real,
    quantise_weight,
    requantisation,
)
from tritforge.ivit.shape import VisionShape, VisionWidths

Array = NDArray[Any]
_WIDTHS = VisionWidths()


@dataclass(frozen=True)
class Comparison:
    """One array, or all arrays of one kind.

    Attributes:
        values: numbers compared.
        unlike_float64: golden integers unlike upstream with float64 tensors; None where there are
            no such vectors.
        unlike_float32: golden integers unlike upstream as it is.
        largest_difference: of these.
        emulation_unlike_float32: integers of the float32 emulation unlike upstream as it is.
    """

    unit: str
    array: str
    values: int
    unlike_float64: int | None
    unlike_float32: int
    largest_difference: int
    emulation_unlike_float32: int | None


def compare(
    unit: str,
    array: str,
    golden: Array,
    float32: Array,
    float64: Array | None = None,
    emulation: Array | None = None,
) -> Comparison:
    """Counts of one array."""
    golden, float32 = np.asarray(golden), np.asarray(float32)
    assert golden.shape == float32.shape, (unit, array, golden.shape, float32.shape)
    difference = np.abs(golden.astype(np.int64) - float32.astype(np.int64))
    return Comparison(
        unit=unit,
        array=array,
        values=golden.size,
        unlike_float64=None if float64 is None else int(np.count_nonzero(golden != float64)),
        unlike_float32=int(np.count_nonzero(difference)),
        largest_difference=int(difference.max(initial=0)),
        emulation_unlike_float32=(
            None
            if emulation is None
            else int(np.count_nonzero(np.asarray(emulation).astype(np.int64) != float32))
        ),
    )


def add(comparisons: Sequence[Comparison]) -> Comparison:
    """Sum of the comparisons of one kind of array."""

    def total(name: str) -> int | None:
        counts = [getattr(item, name) for item in comparisons]
        return None if None in counts else sum(counts)

    first = comparisons[0]
    return Comparison(
        first.unit,
        first.array,
        sum(item.values for item in comparisons),
        total("unlike_float64"),
        sum(item.unlike_float32 for item in comparisons),
        max(item.largest_difference for item in comparisons),
        total("emulation_unlike_float32"),
    )


def _load(folder: Path, name: str) -> tuple[Mapping[str, Array], Any]:
    path = folder / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError) as error:
        raise TritforgeError(f"--reference: cannot read {path}: {error}") from error
    return arrays, json.loads(str(arrays["index"]))


def row_units(folder: Path) -> Iterator[Comparison]:
    """Shiftmax and ShiftGELU, all cases by the width of the output share."""
    for unit in ("shiftmax", "shiftgelu"):
        arrays, index = _load(folder, unit)
        found: dict[str, list[Comparison]] = {}
        for case in index:
            x = arrays[f"{case['key']}_x"].astype(np.int64)
            scale, bits = case["scale"], case["output_bits"]
            if unit == "shiftmax":
                x0 = x0_magnitude_of(scale)
                config = ShiftmaxConfig(case["length"], case["bits"], bits, case["n"], x0)
                golden = shiftmax(x, x0, config)
                emulation = upstream_softmax(x, scale, case["n"], bits, FLOAT32)
            else:
                x0 = sigmoid_x0_magnitude_of(scale)
                gelu = ShiftgeluConfig(case["length"], case["bits"], bits, case["n"], x0)
                golden = shiftgelu(x, x0, gelu)
                emulation = upstream_gelu(x, scale, case["n"], bits, FLOAT32)
            assert x0 == -case["x0"], (unit, case["key"], x0, case["x0"])
            name = f"{bits} bits out"
            found.setdefault(name, []).append(
                compare(
                    unit,
                    name,
                    golden,
                    arrays[f"{case['key']}_float32"],
                    arrays[f"{case['key']}_float64"],
                    emulation,
                )
            )
        yield from map(add, found.values())


def layer_norms(folder: Path) -> Iterator[Comparison]:
    """I-LayerNorm: bias and output."""
    arrays, index = _load(folder, "layernorm")
    biases: list[Comparison] = []
    outputs: list[Comparison] = []
    for case in index:
        key = case["key"]
        x = arrays[f"{key}_x"].astype(np.int64)
        gain, bias = arrays[f"{key}_weight"], arrays[f"{key}_bias"]
        config = LayerNormConfig(case["dim"])
        # Channels whose bias leaves 32 bits are refused by the converter.
        kept = np.abs(arrays[f"{key}_float64_bias_integer"]) < 1 << (config.bias_bits - 1)
        usable = np.where(kept, gain, np.float32(1))
        codes, scale = layer_norm_constants(key, usable, bias, config)
        assert (scale == arrays[f"{key}_output_scale"])[kept].all(), key
        single = np.float32(case["input_scale_float32_run"])
        reals, _ = upstream_layer_norm(x.astype(np.float32) * single, single, gain, bias)
        expected = {
            (real, what): arrays[f"{key}_{real}_{what}"][..., kept]
            for real in ("float32", "float64")
            for what in ("bias_integer", "output")
        }
        for what, found, golden, emulation in (
            ("bias_integer", biases, codes, None),
            ("output", outputs, layer_norm(x, codes, config), np.rint(reals / scale)),
        ):
            found.append(
                compare(
                    "layer_norm",
                    what,
                    golden[..., kept],
                    expected["float32", what],
                    expected["float64", what],
                    None if emulation is None else emulation[..., kept],
                )
            )
    yield add(biases)
    yield add(outputs)


def dyadic(folder: Path) -> Iterator[Comparison]:
    """Dyadic factors, requantisation and residual add."""
    arrays, index = _load(folder, "dyadic")
    # Equal numbers, whether the mantissa is 2**31 or half of that.
    ratios = arrays["frexp_ratio"]
    factors = dyadic_factors("frexp", ratios, _WIDTHS.multiplier)
    golden = np.ldexp(factors.multiplier.astype(np.float64), -factors.shift.astype(np.int32))
    expected = np.ldexp(arrays["frexp_m"].astype(np.float64), -arrays["frexp_e"].astype(np.int32))
    yield _same_reals("requantise", "factors", golden, expected)
    found: dict[str, list[Comparison]] = {}
    for case in index:
        key, bits, out = case["key"], case["bits"], np.float32(case["output_scale"])
        z = arrays[f"{key}_z"].astype(np.int64)
        scale = arrays[f"{key}_pre_scale"]
        factors = requantisation(key, scale, out, _WIDTHS.multiplier)
        identity = None
        if f"{key}_identity" in arrays:
            name, other = "residual_add", arrays[f"{key}_identity"].astype(np.int64)
            other_scale = arrays[f"{key}_identity_scale"]
            pair = ResidualParameters(
                factors, requantisation(key, other_scale, out, _WIDTHS.multiplier)
            )
            golden = residual_add(z, other, pair, bits)
            identity = (other.astype(np.float32) * other_scale, other_scale)
        elif bits in (4, 8, 16, 32):
            name, golden = "requantise", requantise(z, factors, bits)
        else:
            name, golden = "requantise", dyadic_product(z, factors)
        clamped = bits if bits in (4, 8, 16, 32) else 64
        emulation = upstream_requantise(z.astype(np.float32) * scale, scale, out, clamped, identity)
        found.setdefault(name, []).append(
            compare(name, "output", golden, arrays[f"{key}_output"], emulation=emulation)
        )
    yield from map(add, found.values())


def quantisers(folder: Path) -> Iterator[Comparison]:
    """Scales and integers of activations, linear layer, convolution and matrix product."""
    arrays, index = _load(folder, "quantisers")
    for case in index:
        name, bits = case["name"], case["bits"]
        tracked = ActivationRange(UPSTREAM_MOMENTUM)
        scales, integers = [], []
        for step, x in enumerate(arrays[f"{name}_x"]):
            if step < case["frozen_from_step"]:
                tracked.update(x)
            scales.append(tracked.scale(bits))
            integers.append(quantise_real(x, scales[-1], bits))
        yield _same_reals("quantise", f"{name} scale", np.array(scales), arrays[f"{name}_scale"])
        yield compare("quantise", f"{name} integers", np.array(integers), arrays[f"{name}_output"])
    for name, kind in (("linear", "fc_scaling_factor"), ("conv", "scaling_factor")):
        weight = arrays[f"{name}_weight"]
        codes, scale = quantise_weight(weight.reshape(len(weight), -1))
        sums = scale * arrays[f"{name}_x_scale"]
        bias = quantise_bias(name, arrays[f"{name}_bias"], sums)
        yield _same_reals("quantise", f"{name} scales", scale, arrays[f"{name}_{kind}"])
        expected = arrays[f"{name}_weight_integer"].reshape(codes.shape)
        yield compare("quantise", f"{name} weights", codes, expected)
        yield compare("quantise", f"{name} biases", bias, arrays[f"{name}_bias_integer"])
        x, result = arrays[f"{name}_x"], arrays[f"{name}_output"]
        if name == "conv":
            side, patch = x.shape[-1] // weight.shape[-1], weight.shape[-1]
            grid = x.reshape(len(x), -1, side, patch, side, patch).transpose(0, 2, 4, 1, 3, 5)
            x = grid.reshape(len(x), side * side, -1)
            result = result.reshape(len(x), len(weight), -1).swapaxes(1, 2)
        reals, _ = upstream_linear(
            x.astype(np.float32) * arrays[f"{name}_x_scale"],
            np.float32(arrays[f"{name}_x_scale"]),
            weight.reshape(len(weight), -1),
            arrays[f"{name}_bias"],
        )
        golden = matrix_product(x, codes, bias)
        yield compare("matrix_product", name, golden, result, emulation=np.rint(reals / sums))
    product = matrix_product(arrays["matmul_a"], arrays["matmul_b"].swapaxes(-1, -2))
    yield compare("matrix_product", "matmul", product, arrays["matmul_output"])


def _same_reals(unit: str, array: str, golden: Array, expected: Array) -> Comparison:
    """Numbers compared bit for bit."""
    return compare(
        unit, array, golden.view(f"i{golden.itemsize}"), expected.view(f"i{expected.itemsize}")
    )


def block(folder: Path) -> Iterator[Comparison]:
    """Every site of one block, fed with upstream's integers of the site before."""
    arrays, index = _load(folder, "block")
    heads = arrays["attn.matmul_1:integers"].shape[1]

    def codes(site: str) -> Array:
        return (arrays["x"] if site == "x" else arrays[f"{site}:integers"]).astype(np.int64)

    def scale(site: str) -> Any:
        return arrays["x_scale"] if site == "x" else arrays[f"{site}:scale"]

    def factors(before: str, after: str) -> Requantisation:
        before_scale = scale(before)
        if before == "attn.matmul_1":
            before_scale = before_scale * np.float32(index["attention_scale"])
        return requantisation(after, before_scale, scale(after)[0], _WIDTHS.multiplier)

    ranges = index["ranges"]
    for site, (low, high, bits) in ranges.items():
        assert upstream_scale(low, high, bits) == scale(site)[0], site

    def acted(after: str, before: str, z: Array | None = None) -> Comparison:
        z = codes(before) if z is None else z
        result = requantise(z, factors(before, after), ranges[after][2])
        return compare("block", after, result, codes(after))

    def normed(name: str, before: str, after: str) -> Iterator[Comparison]:
        gain, bias = arrays[f"float:{name}.weight"], arrays[f"float:{name}.bias"]
        config = LayerNormConfig(len(gain))
        constants, _ = layer_norm_constants(name, gain, bias, config)
        output = layer_norm(codes(before), constants, config)
        x = codes(before).astype(np.float32) * scale(before)
        reals, vector = upstream_layer_norm(x, scale(before), gain, bias)
        emulation = np.rint(reals / vector)
        yield compare("block", name, output, codes(name), emulation=emulation)
        yield acted(after, name, output)

    def linear(name: str, before: str, after: str) -> Iterator[Comparison]:
        sums = matrix_product(
            codes(before), arrays[f"{name}.weight_integer"], arrays[f"{name}.bias_integer"]
        )
        yield compare("block", name, sums, codes(name))
        yield acted(after, name)

    def added(branch: str, identity: str, after: str) -> Comparison:
        pair = ResidualParameters(factors(branch, after), factors(identity, after))
        total = residual_add(codes(branch), codes(identity), pair, ranges[after][2])
        return compare("block", after, total, codes(after))

    yield from normed("norm1", "x", "qact1")
    yield from linear("attn.qkv", "qact1", "attn.qact1")
    qkv = codes("attn.qact1")
    batch, tokens, width = qkv.shape
    split = qkv.reshape(batch, tokens, 3, heads, -1).transpose(2, 0, 3, 1, 4)
    yield compare(
        "block", "attn.matmul_1", matrix_product(split[0], split[1]), codes("attn.matmul_1")
    )
    yield acted("attn.qact_attn1", "attn.matmul_1")
    scores, score_scale = codes("attn.qact_attn1"), float(scale("attn.qact_attn1")[0])
    x0 = x0_magnitude_of(score_scale)
    probabilities = shiftmax(scores, x0, ShiftmaxConfig(tokens, 8, 16, 15, x0))
    yield compare(
        "block",
        "attn.int_softmax",
        probabilities,
        codes("attn.int_softmax"),
        emulation=upstream_softmax(scores, score_scale, 15, 16, FLOAT32),
    )
    sums = matrix_product(codes("attn.int_softmax"), split[2].swapaxes(-1, -2))
    yield compare("block", "attn.matmul_2", sums, codes("attn.matmul_2"))
    joined = codes("attn.matmul_2").transpose(0, 2, 1, 3).reshape(batch, tokens, width // 3)
    yield acted("attn.qact2", "attn.matmul_2", joined)
    yield from linear("attn.proj", "attn.qact2", "attn.qact3")
    yield added("attn.qact3", "x", "qact2")
    yield from normed("norm2", "qact2", "qact3")
    yield from linear("mlp.fc1", "qact3", "mlp.qact_gelu")
    hidden, hidden_scale = codes("mlp.qact_gelu"), float(scale("mlp.qact_gelu")[0])
    x0 = sigmoid_x0_magnitude_of(hidden_scale)
    yield compare(
        "block",
        "mlp.act",
        shiftgelu(hidden, x0, ShiftgeluConfig(hidden.shape[-1], 8, 8, 23, x0)),
        codes("mlp.act"),
        emulation=upstream_gelu(hidden, hidden_scale, 23, 8, FLOAT32),
    )
    yield acted("mlp.qact1", "mlp.act")
    yield from linear("mlp.fc2", "mlp.qact1", "mlp.qact2")
    yield added("mlp.qact2", "qact2", "qact4")
    yield from free_running_block(arrays, ranges, index["attention_scale"])


def free_running_block(
    arrays: Mapping[str, Array], ranges: Mapping[str, Any], attention_scale: float
) -> Iterator[Comparison]:
    """The golden model's own block from the same input: flips of single integers compound."""
    _, heads, tokens, _ = arrays["attn.matmul_1:integers"].shape
    dim, hidden = arrays["norm1:scale"].size, arrays["mlp.fc1:scale"].size
    shape = VisionShape(
        image_size=round((tokens - 1) ** 0.5),
        patch_size=1,
        channels=1,
        dim=dim,
        heads=heads,
        layers=1,
        hidden=hidden,
        classes=2,
    )
    given = RandomModel(shape).parameters.to_arrays()

    def put(name: str, scale_in: Any, after: str) -> None:
        factors = requantisation(name, scale_in, arrays[f"{after}:scale"][0], _WIDTHS.multiplier)
        given[f"blocks.0.{name}.multiplier"] = factors.multiplier
        given[f"blocks.0.{name}.shift"] = factors.shift

    for ours, theirs, after in (
        ("attention.qkv", "attn.qkv", "attn.qact1"),
        ("attention.projection", "attn.proj", "attn.qact3"),
        ("mlp.fc1", "mlp.fc1", "mlp.qact_gelu"),
        ("mlp.fc2", "mlp.fc2", "mlp.qact2"),
    ):
        given[f"blocks.0.{ours}.weight"] = arrays[f"{theirs}.weight_integer"]
        given[f"blocks.0.{ours}.bias"] = arrays[f"{theirs}.bias_integer"]
        put(f"{ours}.requantisation", arrays[f"{theirs}:scale"], after)
    for name, after in (("norm1", "qact1"), ("norm2", "qact3")):
        gain, bias = arrays[f"float:{name}.weight"], arrays[f"float:{name}.bias"]
        codes, vector = layer_norm_constants(name, gain, bias, LayerNormConfig(dim))
        given[f"blocks.0.{name}.bias"] = codes
        put(f"{name}.requantisation", vector, after)
    score_sums = arrays["attn.matmul_1:scale"] * np.float32(attention_scale)
    put("attention.scores", score_sums, "attn.qact_attn1")
    put("attention.context", arrays["attn.matmul_2:scale"], "attn.qact2")
    put("mlp.gelu", arrays["mlp.act:scale"], "mlp.qact1")
    for name, branch, identity, after in (
        ("residual1", "attn.qact3:scale", "x_scale", "qact2"),
        ("residual2", "mlp.qact2:scale", "qact2:scale", "qact4"),
    ):
        put(f"{name}.branch", arrays[branch], after)
        put(f"{name}.identity", arrays[identity], after)
    x0 = x0_magnitude_of(float(arrays["attn.qact_attn1:scale"][0]))
    given["blocks.0.attention.x0_magnitude"] = np.array([x0], np.int32)
    x0 = sigmoid_x0_magnitude_of(float(arrays["mlp.qact_gelu:scale"][0]))
    given["blocks.0.mlp.x0_magnitude"] = np.array([x0], np.int32)

    model = IvitGoldenModel(VisionParameters.from_arrays(shape, _WIDTHS, given))
    trace: Trace = {}
    model.block(0, arrays["x"].astype(np.int64), trace)
    for site in ranges:
        golden = trace[f"blocks.0.{site}"]
        yield compare("free running", site, golden, arrays[f"{site}:integers"])


def compare_all(folder: Path) -> list[Comparison]:
    """Every array of the folder.

    Raises:
        TritforgeError: a file is missing or no NumPy archive.
    """
    return [
        comparison
        for part in (row_units, layer_norms, dyadic, quantisers, block)
        for comparison in part(folder)
    ]


def table(comparisons: Sequence[Comparison]) -> str:
    """Text table, one line per array."""

    def count(value: int | None) -> str:
        return "-" if value is None else str(value)

    lines = [
        f"{'golden unlike upstream':>69}{'emulation unlike':>18}",
        f"{'unit':<16}{'array':<22}{'values':>9}{'float64':>10}{'float32':>9}{'by up to':>10}"
        f"{'float32':>11}",
    ]
    lines += [
        f"{item.unit:<16}{item.array:<22}{item.values:>9}{count(item.unlike_float64):>10}"
        f"{item.unlike_float32:>9}{item.largest_difference:>10}"
        f"{count(item.emulation_unlike_float32):>11}"
        for item in comparisons
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--reference", type=Path, required=True, metavar="DIR", help="folder of the vectors"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    options = parser.parse_args(argv)
    try:
        comparisons = compare_all(options.reference)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(item) for item in comparisons], indent=2))
    else:
        print(table(comparisons))
    return 0
