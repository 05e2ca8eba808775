# SPDX-License-Identifier: Apache-2.0
"""Random step functions in the style of the open flow, for comparing g++ with the translation.

They mix signed and unsigned words of odd widths with C integers, branch, loop, index arrays and
tables at run time, shift, saturate, divide by constants, keep state, use RAM, several streams and
plain ports.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

_OPERATORS = ("+", "-", "*", "&", "|", "^")
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
_WIDTHS = (1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24, 31, 32, 33, 47, 63, 64, 65, 90)
_DEEPEST = 2
#: C integers: type and bits.
_INTEGERS = {"signed char": 8, "unsigned short": 16, "int": 32, "unsigned": 32, "long long": 64}
#: Words of a RAM; a word is read so many steps after it was written.
_RAM_WORDS, _RAM_DISTANCE = 32, 16

HEADERS = ("ap_int.h", "hls_stream.h", "common/fixed_point.hpp", "common/ram.hpp")


def widths_of_batch(seed: int) -> tuple[int, ...]:
    """A few widths for all kernels of a file: fewer instances of templates compile faster."""
    source = random.Random(seed)
    return (*source.sample(_WIDTHS[:-2], 4), source.choice(_WIDTHS[-6:]))


@dataclass
class _Writer:
    """Writes one function; `variables` are names of ap values in scope."""

    source: random.Random
    widths: Sequence[int]
    variables: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    locals: int = 0

    def width(self) -> int:
        return self.source.choice(self.widths)

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
        if pick < 0.55:
            operator = self.source.choice(_OPERATORS)
            text = f"({self.value(depth + 1)} {operator} {self.value(depth + 1)})"
        elif pick < 0.63:
            amount = f"ap_uint<{self.source.choice((2, 4, 7))}>({self.value(depth + 1)})"
            direction = self.source.choice(("<<", ">>"))
            text = f"({self.type()}({self.value(depth + 1)}) {direction} {amount})"
        elif pick < 0.7:
            text = f"({self.source.choice('-~')}{self.value(depth + 1)})"
        elif pick < 0.75:
            divisor = self.source.choice((2, 3, 5, 7, 10, 127))
            operator = self.source.choice("/%")
            text = f"(ap_int<12>({self.value(depth + 1)}) {operator} {divisor})"
        elif pick < 0.8:
            text = self.saturated(depth)
        elif pick < 0.86:
            text = self.integer(depth)
        elif pick < 0.92:
            kind, width = self.source.choice(("ap_int", "ap_uint")), self.source.choice((9, 40, 70))
            low = self.source.randint(0, width - 1)
            high = self.source.choice([bit for bit in (low, low + 7, width - 1) if bit < width])
            whole = f"{kind}<{width}>({self.value(depth + 1)})"
            text = f"ap_uint<{high - low + 1}>({whole}.range({high}, {low}))"
        else:
            kind = self.type()
            condition = self.condition(depth + 1)
            text = (
                f"({condition} ? {kind}({self.value(depth + 1)}) : {kind}({self.value(depth + 1)}))"
            )
        return f"{self.type()}({text})"

    def saturated(self, depth: int) -> str:
        """Rounding and saturation helpers of the kernels."""
        value = f"ap_int<33>({self.value(depth + 1)})"
        if self.source.random() < 0.5:
            return f"tritforge::saturate<{self.source.choice((8, 17))}>({value}).value"
        return f"tritforge::round_half_up_shift<{self.source.choice((0, 1, 9))}>({value})"

    def integer(self, depth: int) -> str:
        """Arithmetic of C integers, unsigned where it could overflow."""
        type_, bits = self.source.choice(list(_INTEGERS.items()))
        wide = "unsigned long long" if bits == 64 else "unsigned"
        operator = self.source.choice(("+", "*", "^", "-"))
        parts = [
            f"({wide})({type_})ap_int<{bits}>({self.value(depth + 1)}).to_int64()" for _ in range(2)
        ]
        return f"ap_int<{bits}>(({type_})({parts[0]} {operator} {parts[1]}))"

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


def random_kernel(name: str, seed: int, widths: Sequence[int] = _WIDTHS) -> str:
    """A C++ function with streams and state; some have arrays, a table, RAM and plain ports."""
    writer = _Writer(random.Random(seed), widths)
    source, lines = writer.source, writer.lines
    inputs = [f"in{i}" for i in range(source.randint(1, 2))]
    outputs = [f"sent{i}" for i in range(source.randint(1, 2))]
    ports = [(f"hls::stream<{writer.type()}>&", port) for port in inputs]
    output_types = {port: writer.type() for port in outputs}
    ports += [(f"hls::stream<{output_types[port]}>&", port) for port in outputs]
    if source.random() < 0.2:
        ports.append((f"const {writer.type()}&", "setting"))
        writer.variables.append("setting")
    targets = []
    for index in range(source.randint(1, 3)):
        lines.append(f"    static {writer.type()} s{index} = {source.randint(0, 100)};")
        targets.append(f"s{index}")
    writer.variables += targets
    if source.random() < 0.4:
        lines.append(f"    static {writer.type()} words[4];")
        element = "words[ap_uint<2>(s0).to_int()]"
        targets.append(element)
        writer.variables.append(element)
    if source.random() < 0.4:
        numbers = ", ".join(str(source.randint(-999, 999)) for _ in range(8))
        lines.append(f"    static const short table[8] = {{{numbers}}};")
        writer.variables.append("ap_int<16>(table[ap_uint<3>(s0).to_int()])")
    for (type_, port), number in zip(ports, range(len(inputs))):
        word = type_[len("hls::stream<") : -2]
        condition = "true" if number == 0 or source.random() < 0.5 else writer.condition()
        lines.append(f"    {word} w{number} = 0;")
        lines.append(f"    if ({condition}) w{number} = {port}.read();")
        writer.variables.append(f"w{number}")
    has_ram = source.random() < 0.15
    if has_ram:
        lines.append(f"    static tritforge::Ram<{writer.type()}, {_RAM_WORDS}> memory;")
        lines.append("    static ap_uint<5> place;")
        lines.append(f"    const auto old = memory.read(ap_uint<5>(place + {_RAM_DISTANCE}));")
        writer.variables.append("old")
    writer.statements("    ", source.randint(2, 4), targets, 2)
    if has_ram:
        lines.append(f"    memory.write(place, {writer.value()});")
        lines.append("    place = place + 1;")
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
    if source.random() < 0.2:
        kind = writer.type()
        ports.append((f"{kind}&", "shown"))
        lines.append(f"    shown = {kind}({writer.value()});")
    parameters = ", ".join(f"{type_} {port}" for type_, port in ports)
    return f'extern "C" void {name}({parameters}) {{\n' + "\n".join(lines) + "\n}\n"
