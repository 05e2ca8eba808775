# SPDX-License-Identifier: Apache-2.0
"""A process in XLS IR, made of the optimised function of one step.

Only the function is optimised by XLS, and that function is what the just-in-time compiler runs in
every proof. XLS's optimisation of whole processes is not used: it gives wrong values for some state
(the translator fuzz found three in sixty processes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codegen.openhls.errors import ToolError
from codegen.openhls.graph import topological_order
from codegen.openhls.step import RamPorts, Step
from codegen.openhls.wires import READ_REQUEST, READ_RESPONSE, WRITE_REQUEST
from codegen.openhls.xls.emit import ir_name, step_parameters, step_results
from codegen.openhls.xls.lowering import Operand, lowered
from codegen.openhls.xls.origin import origin_name

#: What the names of channels end in: no keyword of XLS IR does. It is the begin of the suffixes of
#: their wires.
CHANNEL_END = "_t"
_FLOW = "flow_control=ready_valid"


_PARAMETER = re.compile(r"([\w.]+): [^,()]+?(?: id=\d+)?[,)]")
_LINE = re.compile(r"^\s+(?:ret )?([\w.]+): (.+?) = (\w+)\((.*)\)$")
_BITS = re.compile(r"^bits\[(\d+)\]$")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
#: What only the text of the function had a use for.
_MARKS = re.compile(r",? ?\b(?:id=\d+|pos=\[[^\]]*\])")
_FILE = re.compile(r'^file_number (\d+) "(\w+)"$')
#: The first of the lines of C++ that a value came from.
_ORIGIN = re.compile(r"\bpos=\[\((\d+),(\d+),")


@dataclass(frozen=True)
class _Operation:
    """One line of the function.

    Attributes:
        origin: file and line of C++ that it came from, joined as a name, or "".
    """

    type: str
    operation: str
    arguments: str
    operands: tuple[str, ...]
    origin: str = ""


@dataclass(frozen=True)
class _Function:
    """The lines of a function by name, its parameters in order and its last line."""

    operations: dict[str, _Operation]
    parameters: tuple[str, ...]
    result: str


def _parsed(text: str) -> _Function:
    lines = iter(text.splitlines())
    head = next((line for line in lines if line.startswith("top fn ")), "")
    listed = head[head.find("(") + 1 : head.rfind(" -> ")]
    parameters = tuple(_PARAMETER.findall(listed))
    operations: dict[str, _Operation] = {}
    found_files = filter(None, map(_FILE.match, text.splitlines()))
    files = {found[1]: found[2] for found in found_files}
    result = ""
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            if line.strip() not in ("", "}"):
                raise ToolError(f"XLS wrote a line that is not known: {line.strip()[:200]}")
            continue
        name, type_, operation, arguments = found.groups()
        origin = _origin(arguments, files)
        arguments = _MARKS.sub("", arguments)
        known = (item for item in _NAME.findall(arguments))
        operands = tuple(item for item in known if item in operations or item in parameters)
        operands = tuple(dict.fromkeys(operands))
        operations[name] = _Operation(type_, operation, arguments, operands, origin)
        if line.lstrip().startswith("ret "):
            result = name
    return _Function(operations, parameters, result)


def _origin(arguments: str, files: Mapping[str, str]) -> str:
    found = _ORIGIN.search(arguments)
    return origin_name(files[found[1]], int(found[2])) if found and found[1] in files else ""


def channel_name(stream: str) -> str:
    """The name in XLS IR of the channel that is a stream."""
    return stream + CHANNEL_END


def _register(state: str) -> str:
    """The name in XLS IR of a state element: neither a keyword nor the name of a value."""
    return f"s_{state}"


def process_ir(step: Step, function: str) -> str:
    """A process: streams are ready/valid channels, inputs plain wires.

    An output is sent like a word of a stream: only that says when a step has come to its end. The
    wrapper (`wrapper.py`) holds the last one.

    Args:
        function: the optimised text of `step_function_ir`.

    Raises:
        ToolError: XLS wrote something else than a function of this step.
    """
    return _Process(step, _parsed(function)).text()


class _Process:
    """Prints one process."""

    def __init__(self, step: Step, function: _Function) -> None:
        expected = [f"p_{name}" for name, _, _ in step_parameters(step)]
        if list(function.parameters) != expected or not function.result:
            raise ToolError(f"XLS changed the parameters of {step.name}: {function.parameters}")
        self._step = step
        self._operations = function.operations
        self._lines: list[str] = []
        self._names: dict[str, str] = {}
        self._tokens: list[str] = []
        self._needs: dict[str, tuple[str, ...]] = {}
        self._leaves: dict[str, Callable[[], None]] = {}
        self._results = self._result_names(function.result)
        self._widths = {f"p_{name}": width for name, width, _ in step_parameters(step)}
        for name, item in self._operations.items():
            if bits := _BITS.match(item.type):
                self._widths[name] = int(bits[1])

    def _result_names(self, result: str) -> dict[str, str]:
        """Name in `step_results` -> line of the function; elements of a literal get lines."""
        whole = self._operations[result]
        listed = step_results(self._step)
        if whole.operation == "tuple":
            elements = [item.strip() for item in whole.arguments.split(",")]
            return {name: element for (name, _, _), element in zip(listed, elements)}
        names = {}
        for index, (name, width, _) in enumerate(listed):
            names[name] = f"{result}_{index}"
            self._operations[names[name]] = _Operation(
                f"bits[{width}]", "tuple_index", f"{result}, index={index}", (result,)
            )
        return names

    def _add(self, type_: str, text: str, origin: str = "") -> str:
        """One line; the name of its value, which begins with its line of C++ if that is known."""
        name = f"{origin or 'n'}_{len(self._lines)}"
        self._lines.append(f"  {name}: {type_} = {text}")
        return name

    def _value(self, result: str) -> str:
        """The name of something in `step_results`."""
        return self._names[self._results[result]]

    def text(self) -> str:
        """The whole package."""
        step = self._step
        self._start = self._add("token", "literal(value=token)")
        for port in step.inputs:
            leaf = f"p_in_{port.name}"
            self._leaves[leaf] = self._receiver(port.name, port.width, leaf, None)
        for read in step.reads:
            leaf, condition = f"p_read_{read.name}", f"read_{read.name}"
            self._needs[leaf] = (self._results[condition],)
            self._leaves[leaf] = self._receiver(
                channel_name(read.name), read.width, leaf, condition
            )
        for ram in step.rams:
            needed = (f"ram_read_{ram.name}", f"ram_read_address_{ram.name}")
            self._needs[f"p_ram_{ram.name}"] = tuple(self._results[name] for name in needed)
            self._leaves[f"p_ram_{ram.name}"] = self._ram_reader(ram)
        self._names.update(
            {f"p_state_{item.name}": f"{_register(item.name)}_r" for item in step.state}
        )
        # A read whose value nobody needs still takes the word off the stream.
        self._emit([*dict.fromkeys(self._results.values()), *self._leaves])
        self._sends()
        for item in step.state:
            value = self._value(f"state_{item.name}")
            self._add("()", f"next_value(param={_register(item.name)}, value={value})")
        reads = "".join(
            f"  {name}_r: bits[{item.width}] = state_read(state_element={name})\n"
            for item in step.state
            for name in [_register(item.name)]
        )
        return self._header() + reads + "\n".join(self._lines) + "\n}\n"

    def _emit(self, roots: list[str]) -> None:
        def needs(name: str) -> tuple[str, ...]:
            found = self._operations.get(name)
            return (*(found.operands if found else ()), *self._needs.get(name, ()))

        order, _ = topological_order(roots, needs)
        for name in order:
            if name in self._leaves:
                self._leaves[name]()
            elif name in self._operations:
                item = self._operations[name]
                arguments = _NAME.sub(
                    lambda found: self._names.get(found[0], found[0]), item.arguments
                )
                text = f"{item.operation}({arguments})"
                value = self._lowered(item) or self._add(item.type, text, item.origin)
                self._names[name] = value

    def _lowered(self, item: _Operation) -> str | None:
        """The name of the operation's value, made of smaller ones; None if it stays whole."""
        bits = _BITS.match(item.type)
        names = [name for name in _NAME.findall(item.arguments) if name in self._widths]
        if bits is None or len(names) != 2:
            return None
        operands = [Operand(self._names[name], self._widths[name]) for name in names]

        def add(type_: str, text: str) -> str:
            return self._add(type_, text, item.origin)

        return lowered(item.operation, int(bits[1]), operands, add)

    def _header(self) -> str:
        step = self._step
        channels = [(item.name, f"bits[{item.width}]", "receive", "") for item in step.inputs]
        streams = [(item.name, item.width, "send") for item in step.outputs]
        streams += [(item.name, item.width, "receive") for item in step.reads]
        streams += [(item.name, item.width, "send") for item in step.writes]
        for ram in step.rams:
            both = ram.address_width + ram.width
            streams.append((ram.name + READ_REQUEST, ram.address_width, "send"))
            streams.append((ram.name + READ_RESPONSE, ram.width, "receive"))
            streams.append((ram.name + WRITE_REQUEST, both, "send"))
        channels += [
            (channel_name(name), f"bits[{width}]", direction, _FLOW)
            for name, width, direction in streams
        ]
        lines = [f"package {ir_name(step)}\n"]
        for number, (name, type_, direction, flow) in enumerate(channels):
            kind = f"kind=streaming, ops={direction}_only, {flow}"
            if not flow:
                kind = f"kind=single_value, ops={direction}_only"
            lines.append(f"chan {name}({type_}, id={number}, {kind})")
        state = "".join(f"{_register(item.name)}: bits[{item.width}], " for item in step.state)
        initial = ", ".join(str(item.initial) for item in step.state)
        lines.append(f"\ntop proc {ir_name(step)}({state}init={{{initial}}}) {{\n")
        return "\n".join(lines)

    def _predicate(self, condition: str | None) -> str:
        if condition is None or self._is_always(self._results[condition]):
            return ""
        return f"predicate={self._value(condition)}, "

    def _is_always(self, name: str) -> bool:
        item = self._operations.get(name)
        return item is not None and item.operation == "literal" and item.arguments == "value=1"

    def _receiver(
        self, channel: str, width: int, leaf: str, condition: str | None
    ) -> Callable[[], None]:
        def emit() -> None:
            predicate = self._predicate(condition)
            text = f"receive({self._start}, {predicate}channel={channel})"
            self._received(text, width, leaf)

        return emit

    def _received(self, text: str, width: int, leaf: str) -> None:
        both = self._add(f"(token, bits[{width}])", text)
        self._tokens.append(self._add("token", f"tuple_index({both}, index=0)"))
        text = f"tuple_index({both}, index=1)"
        self._names[leaf] = self._add(f"bits[{width}]", text, leaf.removeprefix("p_"))

    def _ram_reader(self, ram: RamPorts) -> Callable[[], None]:
        def emit() -> None:
            predicate = self._predicate(f"ram_read_{ram.name}")
            address = self._value(f"ram_read_address_{ram.name}")
            request = channel_name(ram.name + READ_REQUEST)
            response = channel_name(ram.name + READ_RESPONSE)
            text = f"send({self._start}, {address}, {predicate}channel={request})"
            sent = self._add("token", text)
            text = f"receive({sent}, {predicate}channel={response})"
            self._received(text, ram.width, f"p_ram_{ram.name}")

        return emit

    def _sends(self) -> None:
        step = self._step
        # What leaves a step leaves behind everything the step waited for.
        waited = ", ".join(dict.fromkeys(self._tokens))
        token = self._add("token", f"after_all({waited})")
        for port in step.outputs:
            value = self._value(f"out_{port.name}")
            self._add("token", f"send({token}, {value}, channel={channel_name(port.name)})")
        for write in step.writes:
            value, predicate = (
                self._value(f"value_{write.name}"),
                self._predicate(f"write_{write.name}"),
            )
            self._add(
                "token", f"send({token}, {value}, {predicate}channel={channel_name(write.name)})"
            )
        for ram in step.rams:
            predicate = self._predicate(f"ram_write_{ram.name}")
            parts = [self._value(f"ram_write_{part}_{ram.name}") for part in ("address", "value")]
            both = f"bits[{ram.address_width + ram.width}]"
            request = self._add(both, f"concat({', '.join(parts)})")
            channel = channel_name(ram.name + WRITE_REQUEST)
            text = f"send({token}, {request}, {predicate}channel={channel})"
            self._add("token", text)
