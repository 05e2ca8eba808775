# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.output import write_project
from codegen.project import render_project
from tests.proof.csim.simulation import (
    build_benches,
    compile_bench,
    make_project,
    run,
    run_bench,
    tool,
)
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, Widths, accelerator

pytestmark = pytest.mark.csim

NARROW = Widths(
    residual=18,
    gain=8,
    operand=16,
    square_operand=18,
    square_sum=36,
    value=22,
    reciprocal=12,
    root=13,
    multiplier=14,
    accumulator=17,
    gate_operand=16,
    preactivation=18,
    preactivation_fraction=12,
    sigmoid_argument=16,
    sigmoid_argument_fraction=10,
    sigmoid_fraction=12,
    activation=18,
    activation_fraction=11,
    logit=24,
    logit_fraction=8,
)

#: Root only to give the test its name.
WIDE_STATE = Widths(preactivation=18, preactivation_fraction=12, accumulator=24, root=16)

#: Ports and lanes of every kind; a GLU narrower than dim; no width has its usual value. Several
#: lanes with one state are in test_golden_units.py.
MATRIX = [
    accelerator(64, ports=1, lanes=1),
    accelerator(1021, ports=2, lanes=1),
    accelerator(128, layers=2, vocabulary=99, ports=4, lanes=4),
    accelerator(64, 1, 48, 300, ports=1, lanes=2, widths=WIDE_STATE),
    # The narrowest formats: the sum of squares saturates.
    accelerator(96, glu_width=200, widths=NARROW),
    accelerator(64, layers=2, vocabulary=64, ports=1, sigmoid=SigmoidKind.PIECEWISE_LINEAR),
    accelerator(64, layers=2, vocabulary=64, ports=1, sigmoid=SigmoidKind.SHIFT_EXPONENTIAL),
]
#: With these, every number of ports with every number of lanes; dims up to 2048.
SLOW_MATRIX = [
    accelerator(2048, ports=2, lanes=1),
    accelerator(1021, ports=4, lanes=1),
    accelerator(384, ports=1, lanes=2),
    accelerator(1536, ports=4, lanes=2),
    accelerator(253, ports=1, lanes=4),
    accelerator(512, ports=2, lanes=4),
    accelerator(2048, ports=1, lanes=8),
    accelerator(1024, ports=2, lanes=8),
    accelerator(768, ports=4, lanes=8),
]


def _case(config: AcceleratorConfig, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(
        config, marks=marks, id=f"{LanguageModelBlueprint(config).name}_w{config.widths.root}"
    )


@pytest.mark.parametrize(
    "config",
    [*map(_case, MATRIX), *(_case(config, pytest.mark.slow) for config in SLOW_MATRIX)],
)
def test_units_equal_the_golden_model(config: AcceleratorConfig, tmp_path: Path) -> None:
    project = make_project(LanguageModelBlueprint(config), tmp_path / "project")
    build = build_benches(project)
    result = run([tool("ctest"), "--test-dir", build, "--output-on-failure"], project)
    assert result.returncode == 0, result.stdout
    vectors = {path.stem for path in (project / "tb/vectors").glob("*.txt")}
    assert vectors == {"ternary_code", *(item.name for item in machine_processes(config.ports))}
    assert result.stdout.count(" Passed ") == len(vectors)


#: One seeded fault each: unit whose bench must notice, header, original text, faulty text.
FAULTS = {
    "decoder_swaps_two_digits": (
        "ternary_code",
        "ternary_code.hpp",
        "first = no_c ? 1 : 2;",
        "first = no_c ? 2 : 1;",
    ),
    "array_keeps_old_sums": (
        "ternary_array",
        "ternary_array.hpp",
        "const bool first = state.beat == 0;",
        "const bool first = state.beat == 1;",
    ),
    "array_overwrites_waiting_sums": (
        "ternary_array",
        "ternary_array.hpp",
        "if (active && !(last && state.sums_left != 0)) {",
        "if (active) {",
    ),
    "buffer_mixes_vectors": (
        "code_buffer",
        "code_buffer.hpp",
        "state.address = vectors_end ?",
        "state.address = tile_ends ?",
    ),
    "buffer_repeats_too_early": (
        "code_buffer",
        "code_buffer.hpp",
        "state.wait = kRamSettleSteps;",
        "state.wait = kRamSettleSteps - 1;",
    ),
    "reciprocal_of_126": (
        "scalar_unit",
        "scalar_unit.hpp",
        "ap_uint<kAbsmaxBits + 1>(kCodeLimit)",
        "ap_uint<kAbsmaxBits + 1>(kCodeLimit - 1)",
    ),
    "multiplier_forgets_the_second_carry": (
        "scalar_unit",
        "scalar_unit.hpp",
        "pass < 2",
        "pass < 1",
    ),
    "shift_limit_off_by_one": (
        "scalar_unit",
        "scalar_unit.hpp",
        "shift > kMaximumShift",
        "shift > kMaximumShift + 1",
    ),
    "absmax_misses_negative_values": (
        "quantiser",
        "quantiser.hpp",
        "v.value < 0 ? Absmax(-v.value) : Absmax(v.value)",
        "v.value < 0 ? Absmax(0) : Absmax(v.value)",
    ),
    "saturation_is_not_reported": (
        "quantiser",
        "quantiser.hpp",
        "state.saturated[1] = 1;",
        "state.saturated[1] = 0;",
    ),
    "saturation_is_never_forgotten": (
        "quantiser",
        "quantiser.hpp",
        "state.saturated = 0;",
        "",
    ),
    "norm_gain_is_always_used": (
        "quantiser",
        "quantiser.hpp",
        "state.vector.has_norm_gain == 1",
        "state.vector.has_norm_gain <= 1",
    ),
    "padded_rows_count": (
        "quantiser",
        "quantiser.hpp",
        "state.vector.consumers != 0 && state.at.element() < state.vector.inputs",
        "state.vector.consumers != 0 && state.at.element() <= state.vector.inputs",
    ),
    "a_group_is_lost_if_the_last_one_is_short": (
        "quantiser",
        "quantiser.hpp",
        "const bool must_wait = state.stores_left > 1 &&",
        "const bool must_wait = state.stores_left > 2 &&",
    ),
    "lanes_go_on_in_the_next_group": (
        "quantiser",
        "quantiser.hpp",
        "state.beat = state.first_beat;",
        "",
    ),
    "every_lane_has_the_first_reciprocal": (
        "quantiser",
        "quantiser.hpp",
        "value * state.reciprocal[lane];",
        "value * state.reciprocal[0];",
    ),
    "port_is_early_one_word_before": (
        "weight_join",
        "weight_join.hpp",
        "state.packets[Port].next(words, state.phase == kRun, state.phase == kDrop);",
        "state.packets[Port].next(words, state.phase != kIdle, state.phase == kDrop);",
    ),
    "packets_stay_ended": (
        "weight_join",
        "weight_join.hpp",
        "state.packets[port].restart();",
        "",
    ),
    "zeros_follow_words_that_are_dropped": (
        "vector_unit",
        "stream_word.hpp",
        "late = late || drops;",
        "late = late || takes;",
    ),
    "residual_saturates_unnoticed": (
        "vector_unit",
        "vector_unit.hpp",
        "state.saturated[kResidualFlag] = 1;",
        "",
    ),
    "lanes_share_a_residual": (
        "vector_unit",
        "vector_unit.hpp",
        "address = state.at.element() + lane * Config::kDim;",
        "address = state.at.element();",
    ),
    "embedding_is_never_shifted_left": (
        "vector_unit",
        "vector_unit.hpp",
        "mantissa << state.vector.embedding_left;",
        "mantissa;",
    ),
    "products_change_the_residual": (
        "vector_unit",
        "vector_unit.hpp",
        "state.vector.source == kProduct",
        "state.vector.source > kProduct",
    ),
    "gate_has_the_scale_of_its_neighbour": (
        "dequantiser",
        "dequantiser.hpp",
        "state.matrix == consumer && state.at.lane == lane",
        "state.matrix == consumer && state.lane == lane",
    ),
    "up_is_scaled": (
        "dequantiser",
        "dequantiser.hpp",
        ": state.matrix == 1;",
        ": state.matrix == 2;",
    ),
    "logit_saturates_unnoticed": (
        "dequantiser",
        "dequantiser.hpp",
        "state.saturated[kLogit] = 1;",
        "state.saturated[kLogit] = 0;",
    ),
    "scales_of_one_consumer_for_all": (
        "dequantiser",
        "dequantiser.hpp",
        "header.kind == Config::kMix ? kConsumers : 1;",
        "1;",
    ),
    "forget_gate_turns_after_rounding": (
        "element_unit",
        "element_unit.hpp",
        "? Value(-activation)",
        "? Value(-activation - 1)",
    ),
    "held_lane_keeps_its_state": (
        "element_unit",
        "element_unit.hpp",
        "if (valid && !hold) {",
        "if (valid || hold) {",
    ),
    "fresh_lane_has_a_past": (
        "element_unit",
        "element_unit.hpp",
        "fresh = state.operation.fresh[lane];",
        "fresh = false;",
    ),
    "prompt_is_cut_into_streams": (
        "element_unit",
        "element_unit.hpp",
        "if (Config::kStates > 1 && state.operation.prefill == 0) {",
        "if (Config::kStates > 1) {",
    ),
    "layers_share_a_state": (
        "element_unit",
        "element_unit.hpp",
        "state.layer_base = state.layer_base + state.operation.rows;",
        "",
    ),
    "next_token_has_the_state_of_a_later_layer": (
        "element_unit",
        "element_unit.hpp",
        "state.layer_base = 0;",
        "",
    ),
    "candidate_saturates_unnoticed": (
        "element_unit",
        "element_unit.hpp",
        "state.saturated[kSiluCandidate] = 1;",
        "",
    ),
    "lanes_share_a_lower_bound_of_another_row": (
        "element_unit",
        "element_unit.hpp",
        "return bound_memory.read(state.at.row);",
        "return bound_memory.read(0);",
    ),
    "later_token_wins_a_tie": (
        "head",
        "head.hpp",
        "candidate.sum > other.sum;",
        "candidate.sum >= other.sum;",
    ),
    "padded_rows_are_tokens": (
        "head",
        "head.hpp",
        "if (state.at.element() < state.run.tokens) {",
        "if (state.at.element() <= state.run.tokens) {",
    ),
    "lanes_compete": (
        "head",
        "head.hpp",
        "            if (state.at.lane == lane) {\n            places:",
        "            if (lane == 0) {\n            places:",
    ),
    "best_tokens_stay_for_the_next_run": (
        "head",
        "head.hpp",
        "state.best[kLanes - 1][kTopK - 1].used = false;",
        "",
    ),
    "beats_are_rounded_down": (
        "sequencer",
        "sequencer.hpp",
        "inputs + (kTritsPerByte - 1)",
        "inputs",
    ),
    "matrices_of_glu_are_one": (
        "sequencer",
        "sequencer.hpp",
        "TileCount(tiles << 1) : tiles;",
        "tiles : tiles;",
    ),
    "second_layer_starts_from_the_input": (
        "sequencer",
        "sequencer.hpp",
        "state.last_kind = record.kind;",
        "",
    ),
    "elements_before_an_error_stay": (
        "sequencer",
        "sequencer.hpp",
        "headers.vectors.inputs = state.last_rows;",
        "headers.vectors.inputs = 1;",
    ),
    "magic_is_not_looked_at": (
        "sequencer",
        "program_check.hpp",
        "record.magic == Record::kMagic && ",
        "",
    ),
    "layers_beyond_the_last": (
        "sequencer",
        "program_check.hpp",
        "state.layer < Config::kLayers",
        "state.layer <= Config::kLayers",
    ),
    "large_mantissas_are_cut": (
        "sequencer",
        "program_check.hpp",
        "(output.scale_mantissa >> Config::kScaleMantissaBits) == 0 &&",
        "",
    ),
    "negative_exponents_are_not_limited": (
        "sequencer",
        "program_check.hpp",
        "output.scale_exponent >= -(1 << (Config::kScaleExponentBits - 1)) &&",
        "",
    ),
    "payload_of_any_size": (
        "sequencer",
        "program_check.hpp",
        "record.payload_bytes == payload_bytes(record);",
        "true;",
    ),
    "glu_width_changes_between_layers": (
        "sequencer",
        "program_check.hpp",
        "state.has_glu_width ? record.rows == state.glu_width : first",
        "first",
    ),
}

#: Several lanes, so that a fault between lanes shows.
FAULT_CONFIG = accelerator(64, layers=2, vocabulary=128, ports=1, lanes=2)


def _faults() -> list[Any]:
    """The first fault of every unit always, the others with the slow tests."""
    first = {unit: name for name, (unit, *_) in reversed(FAULTS.items())}
    usual = set(first.values())
    return [
        pytest.param(name, marks=() if name in usual else (pytest.mark.slow,)) for name in FAULTS
    ]


@pytest.fixture(scope="module")
def fault_project() -> dict[str, bytes]:
    return render_project(LanguageModelBlueprint(FAULT_CONFIG))


@pytest.mark.parametrize("fault", _faults())
def test_a_seeded_fault_is_found(
    fault: str, tmp_path: Path, fault_project: dict[str, bytes]
) -> None:
    unit, header, original, faulty = FAULTS[fault]
    project = tmp_path / "project"
    write_project(project, fault_project)
    (path,) = (project / "include").rglob(header)
    source = path.read_text()
    assert source.count(original) == 1, "the fault no longer fits the header: adapt FAULTS"
    path.write_text(source.replace(original, faulty))
    result = run_bench(project, unit, compile_bench(project, unit))
    output = result.stdout + result.stderr
    assert result.returncode != 0, f"the bench missed the fault: {output}"
    # A unit that runs out of step reads an empty stream, which ends the simulation.
    assert "expected" in output or "read while empty" in output


@pytest.fixture(scope="module")
def decoder_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(
        LanguageModelBlueprint(accelerator(64)), tmp_path_factory.mktemp("bench") / "project"
    )
    return compile_bench(project, "ternary_code")


def run_with_vectors(bench: Path, tmp_path: Path, old: str, new: str) -> tuple[int, str]:
    text = (bench.parent / "tb/vectors/ternary_code.txt").read_text()
    assert old in text
    (tmp_path / "vectors.txt").write_text(text.replace(old, new, 1))
    result = run([bench, tmp_path / "vectors.txt"], tmp_path)
    return result.returncode, result.stdout + result.stderr


def test_a_mismatch_is_shown_with_index_expected_and_got(
    decoder_bench: Path, tmp_path: Path
) -> None:
    code, output = run_with_vectors(
        decoder_bench, tmp_path, "weights 1215 0 0 0 0 0", "weights 1215 0 0 1 0 0"
    )
    assert code == 1
    assert "case every_code, product with 127[2]: expected 127, got 0" in output
    assert "2 mismatches" in output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bytes 243", "bytes 242"),
        ("case every_code", "every_code"),
        ("\nweights", "\ndigits"),
        ("weights 1215 0 0", "weights 1215 0 zero"),
    ],
)
def test_damaged_vectors_are_an_error(
    decoder_bench: Path, tmp_path: Path, old: str, new: str
) -> None:
    code, output = run_with_vectors(decoder_bench, tmp_path, old, new)
    assert code == 2
    assert "vectors.txt: " in output


def test_empty_and_missing_vectors_are_an_error(decoder_bench: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "comment.txt").write_text("# nothing to compare\n")
    for name in ("empty.txt", "missing.txt", "comment.txt"):
        assert run([decoder_bench, tmp_path / name], tmp_path).returncode != 0


def test_a_moved_project_still_works(tmp_path: Path) -> None:
    project = make_project(LanguageModelBlueprint(accelerator(64)), tmp_path / "project")
    moved = shutil.move(project, tmp_path / "another place")
    result = run_bench(Path(moved), "ternary_code", compile_bench(Path(moved), "ternary_code"))
    assert result.returncode == 0, result.stdout
