# SPDX-License-Identifier: Apache-2.0
"""What the parameters of a top function are, from the compiler's debug information."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from codegen.openhls.frontend.llvm_debug import DebugInformation
from codegen.openhls.frontend.llvm_ir import Function

_AP = re.compile(r"^ap_(u?)int(?:_base)?<(\d+)(?:, (true|false))?>$")
_FIXED = re.compile(r"^ap_(u?)fixed<(\d+), .*>$")


class ParameterKind(enum.Enum):
    """Role of a parameter."""

    STREAM = "stream"
    RAM = "RAM"
    INPUT = "input"
    OUTPUT = "output"
    OTHER = "something else"


@dataclass(frozen=True)
class TopParameter:
    """A parameter: `width` and `signed` for inputs and outputs, `count` for arrays of RAMs."""

    name: str
    kind: ParameterKind
    type_name: str
    width: int = 0
    signed: bool = False


def top_parameters(function: Function, debug: DebugInformation) -> tuple[TopParameter, ...]:
    """Roles of the parameters of `function`, in order."""
    types = debug.items(debug.reference(debug.reference(function.debug, "type"), "types"))[1:]
    return tuple(
        _parameter(parameter.name, number, debug)
        for parameter, number in zip(function.parameters, types)
    )


def _parameter(name: str, number: int | None, debug: DebugInformation) -> TopParameter:
    text = debug.metadata.get(-1 if number is None else number, "")
    if "DW_TAG_reference_type" not in text:
        return TopParameter(name, ParameterKind.OTHER, debug.name(number) or "no reference")
    target, constant = _without_names(debug.reference(number, "baseType"), debug)
    type_name = debug.name(target)
    plain = type_name.replace("ap_shim::", "").replace("tritforge::", "").replace("hls::", "")
    if plain.startswith("stream<"):
        return TopParameter(name, ParameterKind.STREAM, type_name)
    if plain.startswith("Ram<"):
        return TopParameter(name, ParameterKind.RAM, type_name)
    shape = _integer_shape(plain, debug.metadata.get(-1 if target is None else target, ""))
    if shape is None:
        return TopParameter(name, ParameterKind.OTHER, type_name or "an array or pointer")
    kind = ParameterKind.INPUT if constant else ParameterKind.OUTPUT
    return TopParameter(name, kind, type_name, *shape)


def _without_names(number: int | None, debug: DebugInformation) -> tuple[int | None, bool]:
    """The type behind typedefs and const, and whether it is const."""
    constant = False
    while True:
        text = debug.metadata.get(-1 if number is None else number, "")
        if "DW_TAG_const_type" in text:
            constant = True
        elif "DW_TAG_typedef" not in text:
            return number, constant
        number = debug.reference(number, "baseType")


def _integer_shape(name: str, text: str) -> tuple[int, bool] | None:
    """Width and signedness of an integer type."""
    found = _AP.match(name)
    if found:
        signed = found[3] == "true" if found[3] else not found[1]
        return int(found[2]), signed
    found = _FIXED.match(name)
    if found:
        return int(found[2]), not found[1]
    size = re.search(r"\bsize: (\d+)", text)
    encoding = re.search(r"encoding: DW_ATE_(\w+)", text)
    if "DIBasicType" not in text or not size or not encoding:
        return None
    if encoding[1] == "boolean":
        return 1, False
    if encoding[1] in ("signed", "signed_char", "unsigned", "unsigned_char"):
        return int(size[1]), encoding[1].startswith("signed")
    return None
