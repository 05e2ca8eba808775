# SPDX-License-Identifier: Apache-2.0
"""Acyclic control flow: an order of the blocks, and which blocks run under which condition.

In hardware every block is always there; what it does is guarded by the condition of the paths that
lead to it. Sets of blocks are bit masks over the topological order.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen.openhls.frontend.llvm_ir import Function


class LoopFound(Exception):
    """The control flow has a cycle.

    Attributes:
        block: the block whose last instruction jumps backwards.
    """

    def __init__(self, block: str) -> None:
        super().__init__(block)
        self.block = block


@dataclass(frozen=True)
class ControlFlow:
    """The reachable blocks of a function.

    Attributes:
        order: labels, every block behind its predecessors.
        predecessors: label -> labels, without duplicates.
        same_condition: label -> an earlier block that runs exactly when this one does.
    """

    order: tuple[str, ...]
    predecessors: dict[str, tuple[str, ...]]
    same_condition: dict[str, str]
    _reachable: dict[str, int]

    def exclusive(self, a: str, b: str) -> bool:
        """Whether no path runs through both blocks."""
        if a == b:
            return False
        position = {label: index for index, label in enumerate(self.order)}
        forward = self._reachable[a] >> position[b] & 1
        return not forward and not self._reachable[b] >> position[a] & 1


def analyse(function: Function) -> ControlFlow:
    """Order the blocks of a function.

    Raises:
        LoopFound: a loop did not unroll.
    """
    successors = {
        label: tuple(dict.fromkeys(block[-1].labels)) if block[-1].operation != "phi" else ()
        for label, block in function.blocks.items()
    }
    order = _topological_order(next(iter(function.blocks)), successors)
    predecessors: dict[str, list[str]] = {label: [] for label in order}
    for label in order:
        for successor in successors[label]:
            predecessors[successor].append(label)
    fixed = {label: tuple(labels) for label, labels in predecessors.items()}
    live = _without_dead_ends(function, order, successors)
    return ControlFlow(
        order,
        fixed,
        _same_condition(order, fixed, live),
        _reachable(order, successors),
    )


def _without_dead_ends(
    function: Function, order: tuple[str, ...], successors: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Successors without blocks that always end in undefined behaviour: no path goes there."""
    live: dict[str, tuple[str, ...]] = {}
    for label in reversed(order):
        kept = tuple(
            item
            for item in successors[label]
            if live[item] or function.blocks[item][-1].operation == "ret"
        )
        live[label] = kept
    return live


def _topological_order(entry: str, successors: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    finished: dict[str, bool] = {}
    order: list[str] = []
    stack: list[tuple[str, bool]] = [(entry, False)]
    while stack:
        label, leave = stack.pop()
        if leave:
            finished[label] = True
            order.append(label)
        elif label not in finished:
            finished[label] = False
            stack.append((label, True))
            for successor in successors[label]:
                if finished.get(successor) is False:
                    raise LoopFound(label)
                if successor not in finished:
                    stack.append((successor, False))
    return tuple(reversed(order))


def _reachable(order: tuple[str, ...], successors: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Blocks that a path from a block visits, itself included."""
    position = {label: index for index, label in enumerate(order)}
    result: dict[str, int] = {}
    for label in reversed(order):
        mask = 1 << position[label]
        for successor in successors[label]:
            mask |= result[successor]
        result[label] = mask
    return result


def _same_condition(
    order: tuple[str, ...],
    predecessors: dict[str, tuple[str, ...]],
    successors: dict[str, tuple[str, ...]],
) -> dict[str, str]:
    """Blocks that post-dominate their immediate dominator run exactly when that one does."""
    everything = (1 << len(order)) - 1
    dominators: dict[str, int] = {}
    post_dominators: dict[str, int] = {}
    for index, label in enumerate(order):
        common = everything if predecessors[label] else 0
        for predecessor in predecessors[label]:
            common &= dominators[predecessor]
        dominators[label] = common | 1 << index
    for index, label in reversed(list(enumerate(order))):
        common = everything if successors[label] else 0
        for successor in successors[label]:
            common &= post_dominators[successor]
        post_dominators[label] = common | 1 << index
    result = {}
    for index, label in enumerate(order):
        strict = dominators[label] & ~(1 << index)
        if strict:
            dominator = order[strict.bit_length() - 1]
            if post_dominators[dominator] >> index & 1:
                result[label] = dominator
    return result
