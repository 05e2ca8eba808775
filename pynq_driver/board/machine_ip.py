# SPDX-License-Identifier: Apache-2.0
"""PYNQ's view of the machine: a `DefaultIP` that PYNQ binds by its VLNV.

Importing this module registers it; it needs the `pynq` package.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pynq import DefaultIP

from tritforge.boards.block_design import MACHINE_VLNV


class MachineIp(DefaultIP):
    """Registers of a machine.

    Attributes:
        offsets: register -> byte offset by the hardware hand-off; empty if it has no registers.
    """

    bindto: ClassVar[list[str]] = [MACHINE_VLNV]

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self.offsets = {
            name: int(item["address_offset"])
            for name, item in (description.get("registers") or {}).items()
        }
