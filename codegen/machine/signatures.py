# SPDX-License-Identifier: Apache-2.0
"""Parameters of top functions, read from a generated header.

Enough for the declarations that this project writes: `extern "C" void name(type& parameter, ...);`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codegen.openhls.errors import InterfaceError

_FUNCTION = re.compile(r'extern "C" void (\w+)\(([^()]*)\);')
_STREAM = re.compile(r"hls::stream<(.+)>\s*&\s*(\w+)\Z")


@dataclass(frozen=True)
class StreamParameter:
    """A parameter `hls::stream<word>& name`."""

    word: str
    name: str


def stream_parameters(header: str) -> Mapping[str, tuple[StreamParameter, ...]]:
    """Function -> its parameters in order.

    Raises:
        InterfaceError: a parameter is no stream.
    """
    return {
        name: tuple(_parameter(name, text) for text in _split(parameters))
        for name, parameters in _FUNCTION.findall(header)
    }


def _parameter(function: str, text: str) -> StreamParameter:
    found = _STREAM.match(text)
    if found is None:
        raise InterfaceError(f"{function}: {text!r} is no stream: processes have streams only")
    return StreamParameter(found[1].strip(), found[2])


def _split(parameters: str) -> list[str]:
    """At commas outside angle brackets, white space made one space."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(parameters):
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(parameters[start:position])
            start = position + 1
    parts.append(parameters[start:])
    return [" ".join(part.split()) for part in parts if part.strip()]
