# SPDX-License-Identifier: Apache-2.0
"""The processes of the machine: their streams, memories and registers, in the order of top.cpp.

A process is one top function; a call is one step of the unit of the same name in hls/include.
"""

from __future__ import annotations

from codegen.machine.process import (
    PACKET_WORD,
    Memory,
    Process,
    unit_name,
    unit_streams,
)

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
            unit_streams(
                "WeightJoin",
                headers="HeaderWord",
                beats="Beat",
                status="Status",
                **{f"port_{port}": PACKET_WORD for port in range(ports)},
            ),
            "Words of all weight ports side by side, as many as the operations need.",
            registers=("packets",),
        ),
        Process(
            "vector_unit",
            unit_streams(
                "VectorUnit",
                headers="HeaderWord",
                input=PACKET_WORD,
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
            unit_streams(
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
            stages=10,
        ),
        Process(
            "scalar_unit",
            unit_streams("ScalarUnit", requests="RequestWord", responses="ResponseWord"),
            "Square root, reciprocal and dequantisation multiplier of a vector.",
            stages=4,
        ),
        Process(
            "code_buffer",
            unit_streams(
                "CodeBuffer", headers="HeaderWord", groups="CodeGroup", repeated="CodeGroup"
            ),
            "Keeps the codes of an operation and repeats them for every row tile.",
            memories=(Memory("memory", "CodeBuffer::Memory"),),
            stages=4,
        ),
        Process(
            "ternary_array",
            unit_streams(
                "TernaryArray", headers="HeaderWord", weights="Beat", codes="CodeGroup", sums="Sum"
            ),
            "Ternary matrix times code vectors, a tile of rows at a time.",
            registers=("sums", "finished"),
            stages=4,
        ),
        Process(
            "dequantiser",
            unit_streams(
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
            stages=8,
        ),
        Process(
            "element_unit",
            unit_streams(
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
            stages=22,
        ),
        Process(
            "head",
            unit_streams(
                "Head", headers="HeaderWord", scores="Score", output=PACKET_WORD, status="Status"
            ),
            "Sends logits and the best tokens of every lane.",
            registers=("best",),
            stages=2,
        ),
    )


def _sequencer() -> Process:
    words = {"commands": "CommandWord", "parameters": PACKET_WORD}
    for process, name in REPORTING.items():
        words[f"{name}_status"] = f"{unit_name(process)}::Status"
    for process, name in DIRECTED.items():
        words[f"{name}_headers"] = f"{unit_name(process)}::HeaderWord"
    words |= {"gains": "GainWord", "lower_bounds": "LowerBound", "results": "ResultWord"}
    return Process(
        "sequencer",
        unit_streams("Sequencer", **words),
        "Reads the in-band program and tells every other process what to do next.",
        registers=("words",),
        stages=4,
    )
