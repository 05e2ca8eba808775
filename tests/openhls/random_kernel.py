# SPDX-License-Identifier: Apache-2.0
"""Random step functions in the style of the open flow, for comparing g++ with the translation."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_OPERATORS = ("+", "-", "*", "&", "|", "^")
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
_WIDTHS = (1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24, 31, 32, 33, 47, 63, 64, 65, 90)
_DEEPEST = 3


@dataclass
class _Writer:
    """Writes one function; `variables` are names of ap values in scope."""

    source: random.Random
    variables: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    locals: int = 0

    def width(self) -> int:
        return self.source.choice(
            (1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24, 31, 32, 33, 47, 63, 64, 65, 90)
        )

    def type(self, width: int | None = None) -> str:
        signed = self.source.random() < 0.5
        width = self.width() if width is None else width
        return f"ap_int<{max(width, 2)}>" if signed else f"ap_uint<{width}>"

    def value(self, depth: int = 0) -> str:
        """An expression of an ap type."""
        pick = self.source.random()
        if depth >= _DEEPEST or pick < 0.25:
            if self.source.random() < 0.2:
                return f"{self.type()}({self.source.randint(-200, 200)})"
            return self.source.choice(self.variables)
        if pick < 0.6:
            operator = self.source.choice(_OPERATORS)
            text = f"({self.value(depth + 1)} {operator} {self.value(depth + 1)})"
        elif pick < 0.68:
            amount = f"ap_uint<{self.source.choice((2, 4, 7))}>({self.value(depth + 1)})"
            direction = self.source.choice(("<<", ">>"))
            text = f"({self.type()}({self.value(depth + 1)}) {direction} {amount})"
        elif pick < 0.76:
            text = f"({self.source.choice('-~')}{self.value(depth + 1)})"
        elif pick < 0.82:
            divisor = self.source.choice((2, 3, 5, 7, 10, 127))
            operator = self.source.choice("/%")
            width = self.source.choice((7, 12, 23))
            text = f"({self.type(width)}({self.value(depth + 1)}) {operator} {divisor})"
        elif pick < 0.9:
            kind, width = self.source.choice(("ap_int", "ap_uint")), self.source.randint(2, 70)
            low = self.source.randint(0, width - 1)
            high = self.source.randint(low, width - 1)
            whole = f"{kind}<{width}>({self.value(depth + 1)})"
            text = f"ap_uint<{high - low + 1}>({whole}.range({high}, {low}))"
        else:
            kind = self.type()
            condition = self.condition(depth + 1)
            text = (
                f"({condition} ? {kind}({self.value(depth + 1)}) : {kind}({self.value(depth + 1)}))"
            )
        return f"{self.type()}({text})"

    def condition(self, depth: int = 0) -> str:
        """A bool expression."""
        if self.source.random() < 0.3:
            return f"{self.type()}({self.value(depth + 1)})[0]"
        relation = self.source.choice(_RELATIONS)
        return f"({self.value(depth + 1)} {relation} {self.value(depth + 1)})"

    def local(self, indent: str) -> None:
        name = f"v{self.locals}"
        self.locals += 1
        self.lines.append(f"{indent}{self.type()} {name} = {self.value()};")
        self.variables.append(name)

    def statements(self, indent: str, count: int, targets: list[str], nesting: int) -> None:
        """Assignments, branches and loops; locals of a branch end with it."""
        visible = len(self.variables)
        for _ in range(count):
            pick = self.source.random()
            if pick < 0.35:
                self.local(indent)
            elif pick < 0.6 or nesting == 0:
                target = self.source.choice(targets)
                operator = self.source.choice(("=", "=", "+=", "-=", "^=", "|=", "&="))
                self.lines.append(f"{indent}{target} {operator} {self.value()};")
            elif pick < 0.75:
                self.lines.append(f"{indent}if ({self.condition()}) {{")
                self.statements(indent + "    ", 2, targets, nesting - 1)
                self.lines.append(f"{indent}}} else {{")
                self.statements(indent + "    ", 2, targets, nesting - 1)
                self.lines.append(f"{indent}}}")
            elif pick < 0.85:
                self.lines.append(f"{indent}switch (ap_uint<2>({self.value()}).to_int()) {{")
                for case in range(self.source.randint(2, 4)):
                    self.lines.append(f"{indent}  case {case}: {{")
                    self.statements(indent + "    ", 1, targets, nesting - 1)
                    self.lines.append(f"{indent}    break;\n{indent}  }}")
                self.lines.append(f"{indent}  default: break;\n{indent}}}")
            else:
                name = f"i{len(self.lines)}"
                last = self.source.randint(2, 5)
                self.lines.append(f"{indent}for (int {name} = 0; {name} < {last}; ++{name}) {{")
                self.variables.append(f"ap_int<5>({name})")
                self.statements(indent + "    ", 2, targets, nesting - 1)
                self.variables.pop()
                self.lines.append(f"{indent}}}")
        del self.variables[visible:]


def random_kernel(name: str, seed: int) -> str:
    """A C++ function `name` with one or two input and output streams, state and a table."""
    writer = _Writer(random.Random(seed))
    source, lines = writer.source, writer.lines
    inputs = [f"in{i}" for i in range(source.randint(1, 2))]
    outputs = [f"sent{i}" for i in range(source.randint(1, 2))]
    ports = [(f"hls::stream<{writer.type()}>&", port) for port in inputs]
    output_types = {port: writer.type() for port in outputs}
    ports += [(f"hls::stream<{output_types[port]}>&", port) for port in outputs]
    targets = []
    for index in range(source.randint(1, 4)):
        lines.append(f"    static {writer.type()} s{index} = {source.randint(0, 100)};")
        targets.append(f"s{index}")
    writer.variables += targets
    if source.random() < 0.5:
        lines.append(f"    static {writer.type()} words[4];")
        element = "words[ap_uint<2>(s0).to_int()]"
        targets.append(element)
        writer.variables.append(element)
    if source.random() < 0.5:
        numbers = ", ".join(str(source.randint(-999, 999)) for _ in range(8))
        lines.append(f"    static const short table[8] = {{{numbers}}};")
        writer.variables.append("ap_int<16>(table[ap_uint<3>(s0).to_int()])")
    for (type_, port), number in zip(ports, range(len(inputs))):
        word = type_[len("hls::stream<") : -2]
        condition = "true" if number == 0 or source.random() < 0.5 else writer.condition()
        lines.append(f"    {word} w{number} = 0;")
        lines.append(f"    if ({condition}) w{number} = {port}.read();")
        writer.variables.append(f"w{number}")
    writer.statements("    ", source.randint(3, 8), targets, 2)
    for port in outputs:
        kind = output_types[port]
        if source.random() < 0.4:
            lines.append(f"    {port}.write({kind}({writer.value()}));")
            continue
        lines.append(f"    if ({writer.condition()}) {{")
        lines.append(f"        {port}.write({kind}({writer.value()}));")
        if source.random() < 0.4:
            lines.append(f"    }} else {{\n        {port}.write({kind}({writer.value()}));")
        lines.append("    }")
    parameters = ", ".join(f"{type_} {port}" for type_, port in ports)
    return f'extern "C" void {name}({parameters}) {{\n' + "\n".join(lines) + "\n}\n"
