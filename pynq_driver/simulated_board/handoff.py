# SPDX-License-Identifier: Apache-2.0
"""A hardware hand-off (`.hwh`) of a block design, with what PYNQ reads of Vivado's."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tritforge.boards.block_design import (
    DMA_LENGTH_BITS,
    DMA_VLNV,
    MACHINE_INSTANCE,
    MACHINE_VLNV,
    BlockDesign,
)
from tritforge.register_map import REGISTER_BITS

_AXI_MM = "xilinx.com:interface:aximm:1.0"
_REGISTER_PORT = "s_axi"
_DMA_REGISTER_PORT = "S_AXI_LITE"
_FABRIC_CLOCKS = 4


def handoff_text(design: BlockDesign) -> str:
    """The text of the file; the same design gives the same text."""
    root = Element("EDKSYSTEM", {"EDWVERSION": "1.2", "VIVADOVERSION": "simulated"})
    SubElement(root, "SYSTEMINFO", {"NAME": "tritforge", "DEVICE": design.board.part})
    SubElement(root, "EXTERNALPORTS")
    SubElement(root, "EXTERNALINTERFACES")
    modules = SubElement(root, "MODULES")
    _processing_system(modules, design)
    _machine(modules, design)
    for engine in design.engines:
        sends = int(engine.sends)
        channel = "mm2s" if sends else "s2mm"
        module = _module(
            modules,
            engine.instance,
            DMA_VLNV,
            {
                "c_include_sg": "0",
                "c_include_mm2s": str(sends),
                "c_include_s2mm": str(1 - sends),
                "c_include_mm2s_dre": "0",
                "c_include_s2mm_dre": "0",
                f"c_m_axi_{channel}_data_width": str(engine.stream.data_bits),
                "c_sg_length_width": str(DMA_LENGTH_BITS),
                "c_micro_dma": "0",
            },
        )
        interfaces = SubElement(module, "BUSINTERFACES")
        _bus(interfaces, _DMA_REGISTER_PORT, "SLAVE", _AXI_MM)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _processing_system(modules: Element, design: BlockDesign) -> None:
    family = design.family
    parameters = {}
    for clock in range(_FABRIC_CLOCKS):
        divisors = design.clock_divisors if clock == 0 else (1, 1)
        for name, value in zip(family.clock_divisors, divisors):
            parameters[name.format(clock=clock)] = str(value)
        select, source = family.clock_select
        parameters[select.format(clock=clock)] = source
        parameters[family.clock_frequency.format(clock=clock)] = f"{design.clock_mhz:.6f}"
        parameters[family.clock_enable.format(clock=clock)] = str(int(clock == 0))
    module = _module(modules, family.instance, family.system, parameters)
    interfaces = SubElement(module, "BUSINTERFACES")
    _bus(interfaces, family.master, "MASTER", _AXI_MM)
    ranges = SubElement(module, "MEMORYMAP")
    places = [(MACHINE_INSTANCE, _REGISTER_PORT, design.machine_address)]
    places += [(item.instance, _DMA_REGISTER_PORT, item.address) for item in design.engines]
    for instance, port, address in places:
        SubElement(
            ranges,
            "MEMRANGE",
            {
                "ADDRESSBLOCK": "Reg",
                "BASEVALUE": f"{address:#010x}",
                "HIGHVALUE": f"{address + design.region_bytes - 1:#010x}",
                "INSTANCE": instance,
                "IS_DATA": "TRUE",
                "MASTERBUSINTERFACE": family.master,
                "MEMTYPE": "REGISTER",
                "SLAVEBUSINTERFACE": port,
            },
        )


def _machine(modules: Element, design: BlockDesign) -> None:
    module = _module(modules, MACHINE_INSTANCE, MACHINE_VLNV, {})
    blocks = SubElement(module, "ADDRESSBLOCKS")
    block = SubElement(
        blocks,
        "ADDRESSBLOCK",
        {"INTERFACE": _REGISTER_PORT, "NAME": "Reg", "USAGE": "register"},
    )
    registers = SubElement(block, "REGISTERS")
    for register in design.interface.registers.registers:
        item = SubElement(registers, "REGISTER", {"NAME": register.name})
        _properties(
            item,
            DESCRIPTION=register.meaning,
            ADDRESS_OFFSET=f"{register.offset:#x}",
            SIZE=str(REGISTER_BITS),
            ACCESS="read-write",
            IS_ENABLED="true",
        )
        fields = SubElement(item, "FIELDS")
        for field in register.fields:
            entry = SubElement(fields, "FIELD", {"NAME": field.name})
            _properties(
                entry,
                DESCRIPTION=field.meaning,
                BIT_OFFSET=str(field.low),
                BIT_WIDTH=str(field.bits),
                ACCESS="read-write",
            )
    interfaces = SubElement(module, "BUSINTERFACES")
    _bus(interfaces, _REGISTER_PORT, "SLAVE", _AXI_MM)


def _module(modules: Element, instance: str, vlnv: str, parameters: Mapping[str, str]) -> Element:
    module = SubElement(
        modules,
        "MODULE",
        {
            "FULLNAME": f"/{instance}",
            "INSTANCE": instance,
            "IPTYPE": "PERIPHERAL",
            "MODTYPE": vlnv.split(":")[2],
            "VLNV": vlnv,
        },
    )
    block = SubElement(module, "PARAMETERS")
    for name, value in parameters.items():
        SubElement(block, "PARAMETER", {"NAME": name, "VALUE": value})
    return module


def _bus(interfaces: Element, name: str, kind: str, vlnv: str) -> None:
    SubElement(interfaces, "BUSINTERFACE", {"NAME": name, "TYPE": kind, "VLNV": vlnv})


def _properties(parent: Element, **values: str) -> None:
    for name, value in values.items():
        SubElement(parent, "PROPERTY", {"NAME": name, "VALUE": value})
