# SPDX-License-Identifier: Apache-2.0
"""The processes of the I-ViT machine: their streams, memories and registers."""

from __future__ import annotations

from codegen.ivit.row_units import PIPELINE_STAGES, ROW_UNITS
from codegen.machine.process import PACKET_WORD, Memory, Process, unit_name, unit_streams

#: Processes that report at the end of a run, and the sequencer's streams.
REPORTING = {
    "weight_buffer": "weight_status",
    "position_reader": "position_status",
    "rows": "row_status",
    "result_route": "route_status",
}
#: Processes that are told of steps, in the order of the sequencer's parameters: the sequencer's
#: stream and theirs.
DIRECTED = {
    "weight_buffer": ("weight_headers", "headers"),
    "position_reader": ("position_headers", "headers"),
    "operand_choice": ("choice_headers", "headers"),
    "matrix_array": ("array_headers", "headers"),
    "requantise": ("requantise_headers", "headers"),
    "result_route": ("route_headers", "headers"),
    "residual_add": ("residual_headers", "headers"),
    "row_packer": ("packer_headers", "headers"),
    "layer_norm": ("norm_commands", "commands"),
    "norm_requantise": ("norm_headers", "headers"),
    "shiftmax": ("shiftmax_commands", "commands"),
    "shiftgelu": ("shiftgelu_commands", "commands"),
    "gelu_requantise": ("gelu_headers", "headers"),
    "codes": ("code_headers", "headers"),
    "rows": ("row_headers", "headers"),
    "scores": ("score_headers", "headers"),
    "probabilities": ("probability_headers", "headers"),
    "keys": ("key_headers", "headers"),
    "values": ("value_headers", "headers"),
}

#: Units of the array's side, which can be generated alone.
PROCESSES = (
    Process(
        "weight_buffer",
        unit_streams(
            "WeightBuffer",
            headers="HeaderWord",
            words=PACKET_WORD,
            factors="FactorWord",
            gains="GainWord",
            rights="Rights",
            status="Status",
        ),
        "Takes the weight stream apart and repeats a slice of weights for all tokens.",
        memories=(Memory("memories", "WeightBuffer::Memory", "WeightBuffer::kFeatures"),),
        stages=4,
    ),
    Process(
        "matrix_array",
        unit_streams(
            "MatrixArray", headers="HeaderWord", lefts="Lefts", rights="Rights", sums="Sums"
        ),
        "Activations times weights, queries times keys, probabilities times values.",
        registers=("sums", "finished"),
        stages=4,
    ),
    Process(
        "requantise",
        unit_streams(
            "Requantise",
            headers="HeaderWord",
            factors="FactorWord",
            sums="Sums",
            results="Results",
        ),
        "Sums of the array to the scale of what follows.",
        memories=(Memory("memory", "Requantise::Memory"),),
        stages=8,
    ),
    Process(
        "residual_add",
        unit_streams(
            "ResidualAdd",
            headers="HeaderWord",
            branches="Results",
            constants="Constants",
            elements="Word",
        ),
        "Keeps the residual stream and adds branches to it.",
        memories=(
            Memory(
                "memories", "ResidualAdd::Memory", "ResidualAdd::kTokens * ResidualAdd::kPlaces"
            ),
        ),
        stages=8,
    ),
)

#: Units that no machine has yet; they can be generated alone.
SINGLE_UNITS = (
    Process(
        "ternary_matrix_array",
        unit_streams(
            "TernaryMatrixArray",
            headers="HeaderWord",
            lefts="Lefts",
            rights="Rights",
            sums="Sums",
        ),
        "Activations times ternary weights, with adders alone.",
        registers=("sums", "lacks", "finished", "finished_lacks"),
        stages=4,
    ),
)


def machine_processes() -> tuple[Process, ...]:
    """Every process of the whole machine, in the order of top.cpp."""
    return (_sequencer(), *PROCESSES, *_AROUND_THE_ARRAY, *_memories(), *map(_row_unit, ROW_UNITS))


_AROUND_THE_ARRAY = (
    Process(
        "position_reader",
        unit_streams(
            "PositionReader",
            headers="HeaderWord",
            words=PACKET_WORD,
            constants="Constants",
            status="Status",
        ),
        "Takes the packet of positions apart.",
    ),
    Process(
        "operand_choice",
        unit_streams(
            "OperandChoice",
            headers="HeaderWord",
            codes="Lefts",
            rows="Lefts",
            probabilities="Lefts",
            weights="Rights",
            keys="Rights",
            values="Rights",
            lefts="Lefts",
            rights="Rights",
        ),
        "Chooses which memories the array multiplies.",
    ),
    Process(
        "result_route",
        unit_streams(
            "ResultRoute",
            headers="HeaderWord",
            results="Results",
            branches="Results",
            codes="Numbers",
            rows="Numbers",
            keys="Numbers",
            values="Numbers",
            scores="Numbers",
            logits=PACKET_WORD,
            status="Status",
        ),
        "Brings results to their memory; logits leave the machine.",
    ),
    Process(
        "row_packer",
        unit_streams("RowPacker", headers="HeaderWord", elements="Element", words="Word"),
        "Codes of the norm become the words of a memory.",
    ),
    Process(
        "norm_requantise",
        unit_streams(
            "NormRequantise",
            headers="HeaderWord",
            gains="GainWord",
            inputs="InputWord",
            biases="BiasWord",
            outputs="OutputWord",
        ),
        "Normalised tokens to codes, with a gain per channel.",
        memories=(Memory("memory", "NormRequantise::Memory"),),
        stages=8,
    ),
    Process(
        "gelu_requantise",
        unit_streams(
            "GeluRequantise", headers="HeaderWord", inputs="InputWord", outputs="OutputWord"
        ),
        "Activations behind ShiftGELU to codes.",
        stages=4,
    ),
)


def _memories() -> tuple[Process, ...]:
    return (
        _memory(
            "codes",
            "Keeps the normalised tokens, and the context of attention.",
            results="Numbers",
            elements="Word",
            lefts="Lefts",
        ),
        _memory(
            "rows",
            "Keeps patches, queries and hidden channels.",
            patches=PACKET_WORD,
            results="Numbers",
            elements="Word",
            lefts="Lefts",
            inputs="Word",
            status="Status",
        ),
        _memory(
            "scores",
            "Keeps the scores of a group of tokens and a head.",
            results="Numbers",
            inputs="Word",
        ),
        _memory(
            "probabilities",
            "Keeps the probabilities of a group of tokens and a head.",
            elements="Word",
            lefts="Lefts",
        ),
        _memory("keys", "Keeps the keys of all heads.", results="Numbers", rights="Rights"),
        _memory("values", "Keeps the values of all heads.", results="Numbers", rights="Rights"),
    )


def _memory(name: str, meaning: str, **words: str) -> Process:
    """A memory of tokens has a bank per token lane, one of features a bank per feature lane."""
    unit = unit_name(name)
    of_tokens = name not in ("keys", "values")
    state = "banks.collected" if name == "rows" else "collected"
    return Process(
        name,
        unit_streams(unit, headers="HeaderWord", **words),
        meaning,
        memories=(
            Memory(
                "memories", f"{unit}::Memory", f"{unit}::{'kTokens' if of_tokens else 'kFeatures'}"
            ),
        ),
        registers=(state,) if of_tokens else (),
        stages=4,
    )


def _row_unit(name: str) -> Process:
    """A row unit with its longest rows."""
    unit, struct = ROW_UNITS[name], unit_name(name)
    return Process(
        name,
        unit_streams(struct, **unit.streams),
        unit.meaning,
        memories=tuple(
            Memory(variable, f"{struct}::{kind}") for variable, kind in unit.memories.items()
        ),
        registers=unit.registers,
        stages=PIPELINE_STAGES,
        config=f"{struct}Config",
    )


def _sequencer() -> Process:
    words = {"commands": "CommandWord", "program": PACKET_WORD}
    for process, stream in REPORTING.items():
        words[stream] = f"{unit_name(process)}::Status"
    for process, (stream, target) in DIRECTED.items():
        kind = "HeaderWord" if target == "headers" else "CommandWord"
        words[stream] = f"{unit_name(process)}::{kind}"
    words["results"] = "ResultWord"
    return Process(
        "sequencer",
        unit_streams("Sequencer", **words),
        "Reads the in-band program and tells every other process what to do next.",
        registers=("words",),
        stages=2,
    )
