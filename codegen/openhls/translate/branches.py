# SPDX-License-Identifier: Apache-2.0
"""Branches to conditions: under which one per block runs, and what its phis choose by them."""

from __future__ import annotations

from codegen.openhls.frontend.llvm_ir import Instruction
from codegen.openhls.frontend.llvm_types import PointerType
from codegen.openhls.graph import Node
from codegen.openhls.translate.addresses import pointer
from codegen.openhls.translate.memory import Value
from codegen.openhls.translate.translation import Translation


def block_condition(translation: Translation, label: str) -> Node:
    """The condition under which a block runs; the blocks before it are translated."""
    if label in translation.flow.same_condition:
        return translation.conditions[translation.flow.same_condition[label]]
    incoming = [translation.edges[source, label] for source in translation.flow.predecessors[label]]
    if not incoming:
        return translation.true
    result = incoming[0]
    for condition in incoming[1:]:
        result = translation.graph.either(result, condition)
    return result


def branch(translation: Translation, instruction: Instruction) -> None:
    """br: to one block, or to one of two."""
    if not instruction.operands:
        _set_edge(translation, instruction.labels[0], translation.true)
        return
    condition = translation.node(instruction.operands[0])
    _set_edge(translation, instruction.labels[0], condition)
    _set_edge(translation, instruction.labels[1], translation.graph.negate(condition))


def switch(translation: Translation, instruction: Instruction) -> None:
    """switch: to the block of an equal number, else to the first one."""
    selector = translation.node(instruction.operands[0])
    any_case = translation.graph.literal(1, 0)
    for case, label in zip(instruction.operands[1:], instruction.labels[1:]):
        here = translation.graph.equal(selector, translation.node(case))
        any_case = translation.graph.either(any_case, here)
        _set_edge(translation, label, here)
    _set_edge(translation, instruction.labels[0], translation.graph.negate(any_case))


def phi(translation: Translation, instruction: Instruction) -> Value:
    """phi: the operand of the block that the path came from."""
    incoming = [
        (translation.edges[label, translation.block], operand)
        for operand, label in zip(instruction.operands, instruction.labels)
        if (label, translation.block) in translation.edges
    ]
    if isinstance(instruction.type, PointerType):
        return tuple(
            (translation.graph.both(condition, inner), place)
            for condition, operand in incoming
            for inner, place in pointer(translation, operand.value)
        )
    result = translation.node(incoming[0][1])
    for condition, operand in incoming[1:]:
        result = translation.graph.select(condition, translation.node(operand), result)
    return result


def _set_edge(translation: Translation, target: str, condition: Node) -> None:
    key = (translation.block, target)
    both = translation.graph.both(translation.conditions[translation.block], condition)
    if key in translation.edges:
        both = translation.graph.either(translation.edges[key], both)
    translation.edges[key] = both
