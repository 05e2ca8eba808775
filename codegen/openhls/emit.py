# SPDX-License-Identifier: Apache-2.0
"""A step as XLS IR: a pure function, a process with channels, or the function of one step.

The function of one step takes what its leaves stand for and returns everything a step does; it runs
in XLS's just-in-time compiler (`interpreter.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from codegen.openhls.step import RamPorts, Step
from codegen.openhls.xls_ir import Node, node_text, topological_order

#: Suffixes of the channels of a RAM. XLS's own RAM rewrite is not used: it loses responses when the
#: pipeline stalls (a second request leaves while the first response still waits).
READ_REQUEST, READ_RESPONSE, WRITE_REQUEST = "_read_request", "_read_response", "_write_request"
_FLOW = "flow_control=ready_valid"


@dataclass
class _Body:
    """Lines of a function or process body."""

    names: dict[Node, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def add(self, type_: str, text: str) -> str:
        """One line; the name of its value."""
        name = f"n_{len(self.lines)}"
        self.lines.append(f"  {name}: {type_} = {text}")
        return name

    def node(self, node: Node) -> None:
        self.names[node] = self.add(node.type, node_text(node, self.names))

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
    head = f"package {step.name}\n\ntop fn {ir_name(step)}({parameters}) -> bits[{width}] {{\n"
    return head + "\n".join(body.lines) + "\n}\n"


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
    head = f"package {step.name}\n\ntop fn {ir_name(step)}({listed}) -> {tuple_type} {{\n"
    return head + "\n".join(body.lines) + "\n}\n"


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


def process_ir(step: Step) -> str:
    """A process: streams are ready/valid channels, inputs plain wires.

    An output is sent like a word of a stream: only that says when a step has come to its end. The
    wrapper (`wrapper.py`) holds the last one.
    """
    emitter = _Process(step)
    return emitter.text()


class _Process:
    """Prints one process."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._body = _Body()
        self._tokens: list[str] = []
        self._needs: dict[Node, tuple[Node, ...]] = {}
        self._leaves: dict[Node, Callable[[], None]] = {}

    def text(self) -> str:
        """The whole package."""
        step = self._step
        self._start = self._body.add("token", "literal(value=token)")
        for port in step.inputs:
            self._leaves[port.leaf] = self._receiver(port.name, port.width, port.leaf, None)
        for read in step.reads:
            self._needs[read.leaf] = (read.condition,)
            self._leaves[read.leaf] = self._receiver(
                read.name, read.width, read.leaf, read.condition
            )
        for ram in step.rams:
            self._needs[ram.read.leaf] = (ram.read.condition, ram.read.address)
            self._leaves[ram.read.leaf] = self._ram_reader(ram)
        for item in step.state:
            self._leaves[item.leaf] = _bind(self._body, f"{item.name}_r", item.width, item.leaf)
        roots = [*step.roots(), *(item.next_value for item in step.state)]
        # A read whose value nobody needs still takes the word off the stream.
        roots += [read.leaf for read in step.reads] + [ram.read.leaf for ram in step.rams]
        reads = "".join(
            f"  {item.name}_r: bits[{item.width}] = state_read(state_element={item.name})\n"
            for item in step.state
        )
        _emit(self._body, roots, self._needs, self._leaves)
        self._sends()
        self._next_state()
        return self._header() + reads + "\n".join(self._body.lines) + "\n}\n"

    def _header(self) -> str:
        step = self._step
        channels = [(item.name, f"bits[{item.width}]", "receive", "") for item in step.inputs]
        channels += [(item.name, f"bits[{item.width}]", "send", _FLOW) for item in step.outputs]
        channels += [(item.name, f"bits[{item.width}]", "receive", _FLOW) for item in step.reads]
        channels += [(item.name, f"bits[{item.width}]", "send", _FLOW) for item in step.writes]
        for ram in step.rams:
            both = ram.address_width + ram.width
            address, word = f"bits[{ram.address_width}]", f"bits[{ram.width}]"
            channels.append((ram.name + READ_REQUEST, address, "send", _FLOW))
            channels.append((ram.name + READ_RESPONSE, word, "receive", _FLOW))
            channels.append((ram.name + WRITE_REQUEST, f"bits[{both}]", "send", _FLOW))
        lines = [f"package {step.name}\n"]
        for number, (name, type_, direction, flow) in enumerate(channels):
            kind = f"kind=streaming, ops={direction}_only, {flow}"
            if not flow:
                kind = f"kind=single_value, ops={direction}_only"
            lines.append(f"chan {name}({type_}, id={number}, {kind})")
        state = "".join(f"{item.name}: bits[{item.width}], " for item in step.state)
        initial = ", ".join(str(item.initial) for item in step.state)
        lines.append(f"\ntop proc {ir_name(step)}({state}init={{{initial}}}) {{\n")
        return "\n".join(lines)

    def _predicate(self, condition: Node | None) -> str:
        if condition is None or condition.literal == 1:
            return ""
        return f"predicate={self._body.names[condition]}, "

    def _receiver(
        self, channel: str, width: int, leaf: Node, condition: Node | None
    ) -> Callable[[], None]:
        def emit() -> None:
            body = self._body
            predicate = self._predicate(condition)
            text = f"receive({self._start}, {predicate}channel={channel})"
            both = body.add(f"(token, bits[{width}])", text)
            self._tokens.append(body.add("token", f"tuple_index({both}, index=0)"))
            body.names[leaf] = body.add(f"bits[{width}]", f"tuple_index({both}, index=1)")

        return emit

    def _ram_reader(self, ram: RamPorts) -> Callable[[], None]:
        def emit() -> None:
            body, width = self._body, ram.width
            predicate = self._predicate(ram.read.condition)
            address = body.names[ram.read.address]
            text = f"send({self._start}, {address}, {predicate}channel={ram.name}{READ_REQUEST})"
            sent = body.add("token", text)
            text = f"receive({sent}, {predicate}channel={ram.name}{READ_RESPONSE})"
            both = body.add(f"(token, bits[{width}])", text)
            self._tokens.append(body.add("token", f"tuple_index({both}, index=0)"))
            body.names[ram.read.leaf] = body.add(f"bits[{width}]", f"tuple_index({both}, index=1)")

        return emit

    def _sends(self) -> None:
        body, step = self._body, self._step
        # What leaves a step leaves behind everything the step waited for.
        token = body.add("token", f"after_all({', '.join(dict.fromkeys(self._tokens))})")
        for port in step.outputs:
            body.add("token", f"send({token}, {body.names[port.value]}, channel={port.name})")
        for write in step.writes:
            value, predicate = body.names[write.value], self._predicate(write.condition)
            body.add("token", f"send({token}, {value}, {predicate}channel={write.name})")
        for ram in step.rams:
            predicate = self._predicate(ram.write.condition)
            parts = f"{body.names[ram.write.address]}, {body.names[ram.write.value]}"
            request = body.add(f"bits[{ram.address_width + ram.width}]", f"concat({parts})")
            text = f"send({token}, {request}, {predicate}channel={ram.name}{WRITE_REQUEST})"
            body.add("token", text)

    def _next_state(self) -> None:
        body = self._body
        for item in self._step.state:
            name, node = body.names[item.next_value], item.next_value
            if node.width != item.width:
                text = f"bit_slice({name}, start=0, width={item.width})"
                name = body.add(f"bits[{item.width}]", text)
            body.add("()", f"next_value(param={item.name}, value={name})")
