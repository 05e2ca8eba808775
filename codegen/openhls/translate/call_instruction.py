# SPDX-License-Identifier: Apache-2.0
"""The call instruction: ports, intrinsics of LLVM, and what must not be called."""

from __future__ import annotations

from codegen.openhls import rules
from codegen.openhls.frontend.llvm_ir import (
    Function,
    GlobalName,
    Instruction,
    Local,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_types import OtherType
from codegen.openhls.translate.addresses import pointer
from codegen.openhls.translate.arithmetic import intrinsic
from codegen.openhls.translate.bodiless_calls import bodiless_call
from codegen.openhls.translate.calls import forbidden_call
from codegen.openhls.translate.memory import Value
from codegen.openhls.translate.ports import port_call
from codegen.openhls.translate.translation import Translation


def call(translation: Translation, instruction: Instruction) -> Value | None:
    """What a call gives back, if anything.

    Raises:
        StyleError: it calls what has no hardware.
    """
    callee = instruction.operands[0].value
    if not isinstance(callee, GlobalName):
        if isinstance(callee, (Local, Zero)):
            raise translation.error(rules.INDIRECT_CALL, "a function is called through a pointer")
        raise translation.error(rules.INLINE_ASSEMBLER, "inline assembler is used")
    name = callee.name
    port = port_call(name)
    if port is not None:
        return bodiless_call(translation, port, instruction)
    if name.startswith("llvm."):
        return _intrinsic(translation, name, instruction)
    body = translation.module.functions.get(name)
    inner = None if body is None else _own_call(body)
    raise translation.error(*forbidden_call(name, body is not None), debug=inner)


def _intrinsic(translation: Translation, name: str, instruction: Instruction) -> Value | None:
    operands = instruction.operands[1:]
    if name.startswith(("llvm.lifetime", "llvm.assume", "llvm.dbg", "llvm.experimental")):
        return None
    if name.startswith(("llvm.memcpy", "llvm.memmove", "llvm.memset")):
        _block_move(translation, name, operands)
        return None
    if name.startswith("llvm.load.relative"):
        raise translation.error(rules.CONSTANT_TABLE, "a table holds pointers")
    if name.startswith(("llvm.va_", "llvm.stacksave", "llvm.stackrestore")):
        rule = rules.CONSTRUCT if "va_" in name else rules.VARIABLE_LENGTH
        raise translation.error(rule, f"{name} has no hardware")
    if any(isinstance(operand.type, OtherType) for operand in operands):
        raise translation.type_error(
            next(operand.type for operand in operands if isinstance(operand.type, OtherType))
        )
    if name.startswith(("llvm.trap", "llvm.debugtrap", "llvm.ubsantrap")):
        raise translation.error(rules.ASSERTION, "the step can end in a trap")
    values = [translation.node(operand) for operand in operands]
    result = intrinsic(translation.graph, name, values)
    if result is None:
        raise translation.error(rules.CONSTRUCT, f"the operation {name} has no hardware")
    return result


def _block_move(translation: Translation, name: str, operands: tuple[TypedOperand, ...]) -> None:
    length = translation.node(operands[2]).literal
    if length is None:
        raise translation.error(rules.VARIABLE_LENGTH, "a copy has a length that varies")
    if length == 0:
        return
    target = pointer(translation, operands[0].value)
    if name.startswith("llvm.memset"):
        byte = translation.node(operands[1])
        value = translation.graph.concat([byte] * length)
    else:
        value = translation.load(pointer(translation, operands[1].value), 8 * length)
    translation.store(target, value)


def _own_call(function: Function) -> int | None:
    """Debug location of a call of a function in its own body."""
    for block in function.blocks.values():
        for instruction in block:
            callee = instruction.operands[0].value if instruction.operation == "call" else None
            if callee == GlobalName(function.name):
                return instruction.debug
    return None
