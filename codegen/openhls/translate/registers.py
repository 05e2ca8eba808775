# SPDX-License-Identifier: Apache-2.0
"""Registers of a step: the bits of static variables that matter, with their reset values."""

from __future__ import annotations

import dataclasses
from collections import Counter

from codegen.openhls import rules
from codegen.openhls.frontend.debug_members import member_path
from codegen.openhls.graph import Node
from codegen.openhls.step import StateElement, Step
from codegen.openhls.translate.demanded_bits import demanded_bits
from codegen.openhls.translate.globals import initial_bytes, source_name
from codegen.openhls.translate.memory import MemoryKind, Pointer
from codegen.openhls.translate.names import state_name
from codegen.openhls.translate.translation import Translation


def add_state(translation: Translation, step: Step) -> None:
    """Registers for the bits of static variables that matter; check that outputs hold none."""
    graph, layout = translation.graph, translation.module.layout
    found: list[StateElement] = []
    variables: dict[Node, str] = {}  # leaf -> symbol, without the part that clang split off
    for symbol, item in translation.objects.items():
        if item.kind is not MemoryKind.STATE:
            continue
        variable = translation.module.globals[symbol]
        content = initial_bytes(variable, layout)
        scalars = list(layout.scalars(variable.type))
        for offset, type_ in scalars:
            size = layout.size(type_)
            leaf = graph.leaf(f"{symbol}@{offset}", 8 * size)
            value = translation.memory.load(Pointer(item, offset), 8 * size)
            initial = int.from_bytes(content[offset : offset + size], "little")
            path = member_path(translation.module.debug, variable.debug, offset)
            whole = source_name(symbol.split(".")[0])
            name = "_".join((whole, *path)) if path else f"{item.name}_{offset}"
            found.append(StateElement(name, 8 * size, initial, leaf, value))
            variables[leaf] = symbol.split(".")[0]
    feedback = {element.leaf: element.next_value for element in found}
    masks = demanded_bits(step.roots(), feedback)
    kept = [element for element in found if masks.get(element.leaf, 0)]
    parts = Counter(variables[element.leaf] for element in kept)
    taken = {*step.parameters, *(ram.name for ram in step.rams)}
    for element in kept:
        width, owner = masks[element.leaf].bit_length(), variables[element.leaf]
        name = state_name(source_name(owner) if parts[owner] == 1 else element.name, taken)
        taken.add(name)
        step.state.append(
            dataclasses.replace(
                element, name=name, width=width, initial=element.initial % (1 << width)
            )
        )
    for output in step.outputs:
        before = graph.leaf(f"{output.name}@before", output.width)
        if masks.get(before, 0):
            raise translation.error(
                rules.WRITTEN_OUTPUT, f"output {output.name} is not written in every step"
            )
