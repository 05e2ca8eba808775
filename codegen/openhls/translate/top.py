# SPDX-License-Identifier: Apache-2.0
"""LLVM IR of a top function to one step: its ports, its registers and everything it computes."""

from __future__ import annotations

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.frontend.llvm_ir import (
    Function,
    Module,
)
from codegen.openhls.frontend.llvm_types import (
    IntegerType,
)
from codegen.openhls.graph import Node, topological_order
from codegen.openhls.step import InputPort, OutputPort, Step
from codegen.openhls.translate.control_flow import LoopFound, analyse
from codegen.openhls.translate.instructions import translate_blocks
from codegen.openhls.translate.interface import ParameterKind, TopParameter, top_parameters
from codegen.openhls.translate.memory import (
    MemoryKind,
    MemoryObject,
    Pointer,
    Segment,
)
from codegen.openhls.translate.names import check_port_names
from codegen.openhls.translate.ports import (
    ram_ports,
    stream_read,
    stream_write,
)
from codegen.openhls.translate.registers import add_state
from codegen.openhls.translate.translation import Translation, style_error


def translate(module: Module, top: str) -> Step:
    """The step of the top function `top`.

    Raises:
        StyleError: something in it is outside the style; names the C++ line and the rule.
    """
    function = module.functions.get(top)
    if function is None:
        names = ", ".join(sorted(module.functions)) or "none"
        raise StyleError(
            rules.TOP_FUNCTION, f"there is no function {top} in this source (there are: {names})"
        )
    parameters = _checked_parameters(module, function)
    _check_initialisers(module)
    try:
        flow = analyse(function)
    except LoopFound as found:
        raise _loop_error(module, function, found.block) from None
    translation = Translation(module, function, flow)
    _declare(translation, parameters)
    translate_blocks(translation)
    return _finish(translation, parameters)


def _checked_parameters(module: Module, function: Function) -> tuple[TopParameter, ...]:
    parameters = top_parameters(function, module.debug)
    for parameter in parameters:
        if parameter.kind is ParameterKind.OTHER:
            raise style_error(
                module,
                function,
                rules.PORT_TYPE,
                f"parameter {parameter.name} ({parameter.type_name}) is no port",
                None,
            )
    return parameters


def _check_initialisers(module: Module) -> None:
    if "llvm.global_ctors" not in module.globals:
        return
    for function in module.functions.values():
        if not function.name.startswith(("_GLOBAL__sub_I", "__cxx_global_var_init")):
            continue
        for block in function.blocks.values():
            for instruction in block:
                if instruction.debug is not None:
                    raise style_error(
                        module,
                        function,
                        rules.RUN_TIME_INITIALISER,
                        "a global gets its first value at run time",
                        instruction.debug,
                    )


def _loop_error(module: Module, function: Function, block: str) -> StyleError:
    last = function.blocks[block][-1]
    debug = module.debug.loop_location(last.loop) or last.debug
    return style_error(
        module, function, rules.ROLLED_LOOP, "this loop did not unroll completely", debug
    )


def _declare(translation: Translation, parameters: tuple[TopParameter, ...]) -> None:
    """Memory objects of the parameters."""
    graph = translation.graph
    for parameter in parameters:
        item = MemoryObject(parameter.name, MemoryKind.HANDLE)
        if parameter.kind in (ParameterKind.INPUT, ParameterKind.OUTPUT):
            is_input = parameter.kind is ParameterKind.INPUT
            item.kind = MemoryKind.INPUT if is_input else MemoryKind.OUTPUT
            item.size = translation.module.layout.size(IntegerType(parameter.width))
            name = parameter.name if is_input else f"{parameter.name}@before"
            leaf = graph.leaf(name, parameter.width)
            value = graph.resize(leaf, 8 * item.size, parameter.signed)
            item.bytes.update(dict.fromkeys(range(item.size), Segment(0, value)))
        translation.objects[f"%{parameter.name}"] = item
        translation.values[parameter.name] = ((translation.true, Pointer(item)),)


def _finish(translation: Translation, parameters: tuple[TopParameter, ...]) -> Step:
    graph, memory = translation.graph, translation.memory
    step = Step(translation.function.name, tuple(item.name for item in parameters))
    for parameter in parameters:
        name, width = parameter.name, parameter.width
        item = translation.objects[f"%{name}"]
        if parameter.kind is ParameterKind.INPUT:
            step.inputs.append(InputPort(name, width, graph.leaf(name, width)))
        elif parameter.kind is ParameterKind.OUTPUT:
            step.outputs.append(OutputPort(name, width, memory.load(Pointer(item), width)))
        elif parameter.kind is ParameterKind.STREAM:
            port = translation.ports.pop(name, None)
            if port is None:
                detail = f"stream {name} is neither read nor written"
                raise translation.error(rules.UNUSED_STREAM, detail)
            if port.of("read"):
                step.reads.append(stream_read(graph, port))
            else:
                step.writes.append(stream_write(graph, port))
    step.rams += [ram_ports(graph, port) for port in translation.ports.values()]
    _check_feedback(translation, step)
    add_state(translation, step)
    check_port_names(translation, step)
    return step


def _check_feedback(translation: Translation, step: Step) -> None:
    """No read may depend on itself."""
    inputs: dict[Node, tuple[Node, ...]] = {}
    names: dict[Node, str] = {}
    for read in step.reads:
        inputs[read.leaf], names[read.leaf] = (read.condition,), read.name
    for ram in step.rams:
        if ram.read:
            inputs[ram.read.leaf] = (ram.read.condition, ram.read.address)
            names[ram.read.leaf] = ram.name

    def needs(node: Node) -> tuple[Node, ...]:
        return (*node.operands, *inputs.get(node, ()))

    found = topological_order(list(inputs), needs)
    if found[1] is not None:
        leaf = next(leaf for leaf in inputs if _depends_on_itself(leaf, inputs))
        raise _feedback_error(translation, names[leaf])


def _depends_on_itself(leaf: Node, inputs: dict[Node, tuple[Node, ...]]) -> bool:
    seen: set[Node] = set()
    stack = list(inputs[leaf])
    while stack:
        node = stack.pop()
        if node is leaf:
            return True
        if node not in seen:
            seen.add(node)
            stack += [*node.operands, *inputs.get(node, ())]
    return False


def _feedback_error(translation: Translation, name: str) -> StyleError:
    port = translation.all_ports[name]
    access = next(item for item in port.accesses if item.call.is_read)
    return access.fail(rules.READ_ORDER, f"whether {name} is read depends on what it returns")
