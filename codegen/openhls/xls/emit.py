# SPDX-License-Identifier: Apache-2.0
"""A step as XLS IR: a pure function, or the function of one step.

The function of one step takes what its leaves stand for and returns everything a step does. It runs
in XLS's just-in-time compiler (`interpreter.py`), and a process is made of it (`process.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codegen.openhls.graph import Node, topological_order
from codegen.openhls.step import Step
from codegen.openhls.xls.origin import file_label, origin_name


def node_text(node: Node, names: Mapping[Node, str]) -> str:
    """Right-hand side of a node in XLS IR."""
    operands = [names[operand] for operand in node.operands]
    if node.operation == "sel":
        condition, *cases = operands
        return f"sel({condition}, cases=[{', '.join(cases)}])"
    if node.operation == "array_index":
        array, selector = operands
        return f"array_index({array}, indices=[{selector}])"
    arguments = operands + [f"{key}={value}" for key, value in node.attributes]
    return f"{node.operation}({', '.join(arguments)})"


@dataclass
class _Body:
    """Lines of a function body, and the C++ files that they came from."""

    names: dict[Node, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)

    def add(self, type_: str, text: str, origin: str = "n") -> str:
        """One line; the name of its value, which begins with its origin."""
        name = f"{origin}_{len(self.lines)}"
        self.lines.append(f"  {name}: {type_} = {text}")
        return name

    def node(self, node: Node) -> None:
        text = node_text(node, self.names)
        if node.origin is None:
            self.names[node] = self.add(node.type, text)
            return
        label, line = file_label(node.origin.file), node.origin.line
        file = self.files.setdefault(label, len(self.files))
        text = f"{text[:-1]}, pos=[({file},{line},0)])"
        self.names[node] = self.add(node.type, text, origin_name(label, line))

    def package(self, name: str) -> str:
        """Head of the package, complete once all lines are there."""
        files = "".join(f'file_number {number} "{label}"\n' for label, number in self.files.items())
        return f"package {name}\n\n{files}\n"

    def resized(self, name: str, width: int, node: Node) -> None:
        """Give a leaf the value of `name`, extended to the leaf's width."""
        if width != node.width:
            name = self.add(node.type, f"zero_ext({name}, new_bit_count={node.width})")
        self.names[node] = name


def _emit(
    body: _Body,
    roots: Sequence[Node],
    needs: dict[Node, tuple[Node, ...]],
    leaves: dict[Node, Callable[[], None]],
) -> None:
    order, _ = topological_order(roots, lambda node: (*node.operands, *needs.get(node, ())))
    for node in order:
        if node in leaves:
            leaves[node]()
        elif node.operation == "leaf":  # holds nothing that matters
            body.names[node] = body.add(node.type, "literal(value=0)")
        else:
            body.node(node)


def ir_name(step: Step) -> str:
    """Name in XLS IR; unlike the C++ name it is never a keyword there."""
    return f"{step.name}_step"


def function_ir(step: Step) -> str:
    """A pure function; several outputs leave as one value, the first one in the low bits."""
    body = _Body({item.leaf: item.name for item in step.inputs})
    nothing = dict.fromkeys(body.names, lambda: None)
    _emit(body, [item.value for item in step.outputs], {}, nothing)
    parts = [body.names[item.value] for item in reversed(step.outputs)]
    width = sum(item.width for item in step.outputs)
    operation = "concat" if len(parts) > 1 else "identity"
    parameters = ", ".join(f"{item.name}: bits[{item.width}]" for item in step.inputs)
    body.lines.append(f"  ret result: bits[{width}] = {operation}({', '.join(parts)})")
    head = f"top fn {ir_name(step)}({parameters}) -> bits[{width}] {{\n"
    return body.package(ir_name(step)) + head + "\n".join(body.lines) + "\n}\n"


def step_function_ir(step: Step) -> str:
    """One step as a function: see `step_parameters` and `step_results` for the order."""
    parameters = step_parameters(step)
    body = _Body()
    leaves: dict[Node, Callable[[], None]] = {}
    for name, width, leaf in parameters:
        leaves[leaf] = _bind(body, f"p_{name}", width, leaf)
    results = step_results(step)
    _emit(body, [node for _, _, node in results], {}, leaves)
    types, values = [], []
    for _, width, node in results:
        name = body.names[node]
        if width != node.width:
            name = body.add(f"bits[{width}]", f"bit_slice({name}, start=0, width={width})")
        types.append(f"bits[{width}]")
        values.append(name)
    tuple_type = f"({', '.join(types)})"
    body.lines.append(f"  ret result: {tuple_type} = tuple({', '.join(values)})")
    listed = ", ".join(f"p_{name}: bits[{width}]" for name, width, _ in parameters)
    head = f"top fn {ir_name(step)}({listed}) -> {tuple_type} {{\n"
    return body.package(ir_name(step)) + head + "\n".join(body.lines) + "\n}\n"


def _bind(body: _Body, name: str, width: int, leaf: Node) -> Callable[[], None]:
    return lambda: body.resized(name, width, leaf)


def step_parameters(step: Step) -> list[tuple[str, int, Node]]:
    """Name, width and leaf of the parameters of `step_function_ir`."""
    found = [(f"in_{item.name}", item.width, item.leaf) for item in step.inputs]
    found += [(f"read_{item.name}", item.width, item.leaf) for item in step.reads]
    found += [(f"ram_{ram.name}", ram.width, ram.read.leaf) for ram in step.rams]
    return found + [(f"state_{item.name}", item.width, item.leaf) for item in step.state]


def step_results(step: Step) -> list[tuple[str, int, Node]]:
    """Name, width and node of the results of `step_function_ir`."""
    found = [(f"out_{item.name}", item.width, item.value) for item in step.outputs]
    found += [(f"read_{item.name}", 1, item.condition) for item in step.reads]
    for write in step.writes:
        found.append((f"write_{write.name}", 1, write.condition))
        found.append((f"value_{write.name}", write.width, write.value))
    for ram in step.rams:
        found.append((f"ram_read_{ram.name}", 1, ram.read.condition))
        found.append((f"ram_read_address_{ram.name}", ram.address_width, ram.read.address))
        found.append((f"ram_write_{ram.name}", 1, ram.write.condition))
        found.append((f"ram_write_address_{ram.name}", ram.address_width, ram.write.address))
        found.append((f"ram_write_value_{ram.name}", ram.width, ram.write.value))
    return found + [(f"state_{item.name}", item.width, item.next_value) for item in step.state]
