# SPDX-License-Identifier: Apache-2.0
"""The processes of the machine: their streams, memories and registers, in the order of top.cpp.

A process is one top function; a call is one step of the unit of the same name in hls/include.
"""

from __future__ import annotations

from codegen.machine.process import Memory, Process, StreamPort, unit_name


def _streams(unit: str, **words: str) -> tuple[StreamPort, ...]:
    """Name -> type within the unit's struct, or a full name with `::`."""
    return tuple(
        StreamPort(name, word if "::" in word else f"{unit}::{word}")
        for name, word in words.items()
    )


_PACKET = "tritforge::StreamWord"
#: Processes that report at the end of a run, and how the sequencer calls their streams.
REPORTING = {
    "weight_join": "weight",
    "vector_unit": "vector",
    "quantiser": "quantiser",
    "dequantiser": "dequantiser",
    "element_unit": "element",
    "head": "head",
}
#: Processes that get a header per operation, in the order of the sequencer's parameters.
DIRECTED = {
    "weight_join": "weight",
    "vector_unit": "vector",
    "quantiser": "quantiser",
    "code_buffer": "code",
    "ternary_array": "array",
    "dequantiser": "dequantiser",
    "element_unit": "element",
    "head": "head",
}


def machine_processes(ports: int) -> tuple[Process, ...]:
    """Every process of a machine with so many weight ports."""
    return (
        _sequencer(),
        Process(
            "weight_join",
            _streams(
                "WeightJoin",
                headers="HeaderWord",
                beats="Beat",
                status="Status",
                **{f"port_{port}": _PACKET for port in range(ports)},
            ),
            "Words of all weight ports side by side, as many as the operations need.",
            registers=("packets",),
        ),
        Process(
            "vector_unit",
            _streams(
                "VectorUnit",
                headers="HeaderWord",
                input=_PACKET,
                increments="Increment",
                products="Product",
                operands="Operand",
                status="Status",
            ),
            "Keeps the residual stream and makes the quantiser's operands.",
            memories=(Memory("memory", "VectorUnit::Memory"),),
            stages=8,
        ),
        Process(
            "quantiser",
            _streams(
                "Quantiser",
                headers="HeaderWord",
                operands="Operand",
                gains="GainWord",
                responses="ResponseWord",
                requests="RequestWord",
                scales="ScaleWord",
                groups="CodeGroup",
                status="Status",
            ),
            "Turns vectors into int8 codes, five columns per step.",
            memories=(
                Memory("memories", "Quantiser::Memory", "Quantiser::kLanes"),
                Memory("gain_memory", "Quantiser::GainMemory"),
            ),
            registers=(
                "square_sum",
                "absmax",
                "arriving",
                "complete",
                "reciprocal",
                "reciprocal_exponent",
            ),
            stages=8,
        ),
        Process(
            "scalar_unit",
            _streams("ScalarUnit", requests="RequestWord", responses="ResponseWord"),
            "Square root, reciprocal and dequantisation multiplier of a vector.",
        ),
        Process(
            "code_buffer",
            _streams("CodeBuffer", headers="HeaderWord", groups="CodeGroup", repeated="CodeGroup"),
            "Keeps the codes of an operation and repeats them for every row tile.",
            memories=(Memory("memory", "CodeBuffer::Memory"),),
            stages=4,
        ),
        Process(
            "ternary_array",
            _streams(
                "TernaryArray", headers="HeaderWord", weights="Beat", codes="CodeGroup", sums="Sum"
            ),
            "Ternary matrix times code vectors, a tile of rows at a time.",
            registers=("sums", "finished"),
            stages=2,
        ),
        Process(
            "dequantiser",
            _streams(
                "Dequantiser",
                headers="HeaderWord",
                scales="ScaleWord",
                sums="Sum",
                activations="Preactivation",
                increments="Scaled",
                scores="Score",
                status="Status",
            ),
            "Sums of the array to pre-activations, increments of the residual, or scores.",
            registers=("multiplier", "shift"),
            stages=4,
        ),
        Process(
            "element_unit",
            _streams(
                "ElementUnit",
                headers="HeaderWord",
                activations="Preactivation",
                lower_bounds="LowerBound",
                products="Product",
                status="Status",
            ),
            "Gated recurrence and gated linear unit.",
            memories=(
                Memory("state_memory", "ElementUnit::StateMemory"),
                Memory("buffer", "ElementUnit::Buffer"),
                Memory("bound_memory", "ElementUnit::BoundMemory"),
            ),
            stages=8,
        ),
        Process(
            "head",
            _streams("Head", headers="HeaderWord", scores="Score", output=_PACKET, status="Status"),
            "Sends logits and the best tokens of every lane.",
            registers=("best",),
            stages=2,
        ),
    )


def _sequencer() -> Process:
    words = {"commands": "CommandWord", "parameters": _PACKET}
    for process, name in REPORTING.items():
        words[f"{name}_status"] = f"{unit_name(process)}::Status"
    for process, name in DIRECTED.items():
        words[f"{name}_headers"] = f"{unit_name(process)}::HeaderWord"
    words |= {"gains": "GainWord", "lower_bounds": "LowerBound", "results": "ResultWord"}
    return Process(
        "sequencer",
        _streams("Sequencer", **words),
        "Reads the in-band program and tells every other process what to do next.",
        registers=("words",),
        stages=2,
    )
