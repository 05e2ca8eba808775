# SPDX-License-Identifier: Apache-2.0
"""What a compiled machine says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tritforge.checks import check_keys
from tritforge.errors import ConfigurationError
from tritforge.machine_interface import MachineInterface

SIMULATIONS = ("csim", "rtl")


@dataclass(frozen=True)
class Description:
    """The JSON text of `tritforge_description`, checked.

    Attributes:
        interface: the machine.
        simulation: "csim" or "rtl".
        counters: names of the counters that are in no register.
        fifos: names of the FIFOs that are watched.
    """

    interface: MachineInterface
    simulation: str
    counters: tuple[str, ...]
    fifos: tuple[str, ...]

    @classmethod
    def from_text(cls, text: bytes) -> Description:
        """Read the JSON text.

        Raises:
            ConfigurationError: it is not such a text.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"its description is no JSON: {error}") from None
        if not isinstance(document, dict):
            raise ConfigurationError("its description is no object")
        check_keys("description", document, set(cls.__dataclass_fields__))
        if document["simulation"] not in SIMULATIONS:
            raise ConfigurationError(
                f"simulation {document['simulation']!r} is unknown: one of {', '.join(SIMULATIONS)}"
            )
        for key in ("counters", "fifos"):
            names = document[key]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ConfigurationError(f"{key} of the description must be a list of names")
        return cls(
            MachineInterface.from_mapping(document["interface"]),
            document["simulation"],
            tuple(document["counters"]),
            tuple(document["fifos"]),
        )
