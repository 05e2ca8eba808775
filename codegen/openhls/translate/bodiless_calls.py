# SPDX-License-Identifier: Apache-2.0
"""Calls without a body: streams, RAMs and `keep`, by the calling convention of x86-64."""

from __future__ import annotations

import functools

from codegen.openhls import rules
from codegen.openhls.frontend.llvm_ir import Instruction, TypedOperand
from codegen.openhls.frontend.llvm_types import StructType
from codegen.openhls.graph import Node
from codegen.openhls.translate.addresses import pointer
from codegen.openhls.translate.local_streams import local_stream, read_local, write_local
from codegen.openhls.translate.memory import MemoryKind, MemoryObject, Pointer, PointerChoice, Value
from codegen.openhls.translate.ports import Access, Port, PortCall, read_leaf
from codegen.openhls.translate.translation import Translation


def bodiless_call(
    translation: Translation, call: PortCall, instruction: Instruction
) -> Value | None:
    """What the call gives back, if anything; its access is noted at the port."""
    if call.action == "keep":
        return _keep(translation, call, instruction)
    return _port_call(translation, call, instruction)


def _port_call(translation: Translation, call: PortCall, instruction: Instruction) -> Value | None:
    operands = list(instruction.operands[1:])
    struct_result = None
    result: Node | None
    if "sret" in operands[0].attributes:
        struct_result = pointer(translation, operands.pop(0).value)
    handle = operands.pop(0)
    local = local_stream(translation, call, pointer(translation, handle.value))
    if local is not None:
        if call.is_read:
            result = read_local(translation, local)
            return _returned(translation, instruction, struct_result, result)
        write_local(translation, local, _argument(translation, operands, call.width))
        return None
    choice = _handles(translation, handle, call)
    address = translation.node(operands.pop(0)) if call.is_ram else None
    value = None if call.is_read else _argument(translation, operands, call.width)
    result = None
    for chosen, port in choice:
        condition = translation.graph.both(translation.conditions[translation.block], chosen)
        fail = functools.partial(translation.error, debug=instruction.debug)
        port.add(Access(call, translation.block, condition, fail, address, value), translation.flow)
        leaf = read_leaf(translation.graph, port, call)
        result = leaf if result is None else translation.graph.select(chosen, leaf, result)
    if not call.is_read or result is None:
        return None
    return _returned(translation, instruction, struct_result, result)


def _returned(
    translation: Translation,
    instruction: Instruction,
    struct_result: PointerChoice | None,
    result: Node,
) -> Value | None:
    """What a call gives back by the calling convention of x86-64."""
    if struct_result is not None:
        translation.store(struct_result, result)
        return None
    if isinstance(instruction.type, StructType):  # two registers of 64 bits
        whole = translation.graph.resize(result, 128)
        return (translation.graph.slice(whole, 0, 64), translation.graph.slice(whole, 64, 64))
    return translation.graph.resize(result, translation.width_of(instruction.type))


def _keep(translation: Translation, call: PortCall, instruction: Instruction) -> Value | None:
    """The value itself: what the call was for, a wall for the compiler, is done."""
    operands = list(instruction.operands[1:])
    struct_result = None
    if "sret" in operands[0].attributes:
        struct_result = pointer(translation, operands.pop(0).value)
    return _returned(
        translation, instruction, struct_result, _argument(translation, operands, call.width)
    )


def _handles(
    translation: Translation, operand: TypedOperand, call: PortCall
) -> list[tuple[Node, Port]]:
    """The stream or RAM a call uses; several with conditions where clang merged calls."""
    found: dict[str, tuple[Node, Port]] = {}
    for condition, place in pointer(translation, operand.value):
        for inner, offset in _offsets(translation, place):
            both = translation.graph.both(condition, inner)
            port = _port(translation, place.base, offset, call)
            if port.name in found:  # the same one on several paths
                both = translation.graph.either(found[port.name][0], both)
            found[port.name] = (both, port)
    return list(found.values())


def _offsets(translation: Translation, place: Pointer) -> list[tuple[Node, int]]:
    """Elements of an array of RAMs that an index may choose."""
    if not place.terms:
        return [(translation.true, place.offset)]
    if len(place.terms) > 1 or place.terms[0].stride != 1:
        raise translation.error(rules.STATIC_RAM, "which RAM is used depends on several values")
    index, start = place.terms[0].index, place.offset
    return [
        (
            translation.graph.equal(index, translation.graph.literal(index.width, number)),
            start + number,
        )
        for number in range(place.base.size - place.offset)
    ]


def _port(translation: Translation, base: MemoryObject, offset: int, call: PortCall) -> Port:
    name = base.name
    is_static_ram = call.is_ram and base.kind is MemoryKind.STATE
    if is_static_ram and base.size > 1:
        name = f"{name}_{offset}"
    elif not is_static_ram and (base.kind is not MemoryKind.HANDLE or offset):
        rule = rules.STATIC_RAM if call.is_ram else rules.STREAM_PARAMETER
        what = "RAM" if call.is_ram else "stream"
        raise translation.error(rule, f"{what} {name} is no {what} from outside the step")
    port = translation.ports.setdefault(name, Port(name))
    translation.all_ports[name] = port
    return port


def _argument(translation: Translation, operands: list[TypedOperand], width: int) -> Node:
    """A value passed by the calling convention of x86-64."""
    if "byval" in operands[0].attributes:
        return translation.load(pointer(translation, operands[0].value), width)
    parts = [translation.node(operand) for operand in operands]
    return translation.graph.resize(translation.graph.concat(list(reversed(parts))), width)
