# SPDX-License-Identifier: Apache-2.0
"""The manifest: what a translated function looks like from outside, and how it is pipelined.

A manifest is derived from the C++ (`manifest_of`). A manifest given by the caller says how many
pipeline stages to use and is checked against the C++ as far as it names ports.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from codegen.openhls.errors import InterfaceError
from codegen.openhls.step import Step

MANIFEST_FORMAT = 1
STAGE_RANGE = (1, 256)
#: A register behind the last stage, at every output.
OUTPUT_LATENCY = 1
#: Stages from the request of a RAM to its response: the register at the output, and the RAM.
RAM_LATENCY = 2
#: A RAM has a register at its output as well in a pipeline of so many stages, if as many steps lie
#: between a write and the first read of the same word.
_LONG_PIPELINE = 8


class Direction(str, enum.Enum):
    """Direction of a port or stream, seen from the translated module."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class Port:
    """A plain value; inputs of a process must not change while it works.

    Attributes:
        width: bits.
    """

    name: str
    width: int
    direction: Direction


@dataclass(frozen=True)
class Stream:
    """A ready/valid stream: <name>_tdata, <name>_tvalid, <name>_tready."""

    name: str
    width: int
    direction: Direction


@dataclass(frozen=True)
class Ram:
    """A RAM beside the process, with one read and one write port.

    Attributes:
        latency: pipeline stages from the request to the response.
    """

    name: str
    width: int
    words: int
    latency: int = RAM_LATENCY


@dataclass(frozen=True)
class Register:
    """A piece of state and its value after reset."""

    name: str
    width: int
    initial: int


@dataclass(frozen=True)
class Manifest:
    """Interface of one translated function.

    Attributes:
        top: name of the C++ function and of the SystemVerilog module.
        pipeline_stages: registers a value passes, the one at the output excluded.
        initiation_interval: cycles from one step to the next; always 1.
        state: empty in a manifest that is only checked against the C++.
    """

    top: str
    pipeline_stages: int = 1
    initiation_interval: int = 1
    ports: tuple[Port, ...] = ()
    streams: tuple[Stream, ...] = ()
    rams: tuple[Ram, ...] = ()
    state: tuple[Register, ...] = ()

    def __post_init__(self) -> None:
        low, high = STAGE_RANGE
        if not low <= self.pipeline_stages <= high:
            raise InterfaceError(f"pipeline_stages is {self.pipeline_stages}: give {low} to {high}")
        if self.initiation_interval != 1:
            raise InterfaceError(
                f"initiation_interval is {self.initiation_interval}: a step starts every cycle, "
                "so it is 1"
            )

    @property
    def is_function(self) -> bool:
        """Whether the module is a plain pipeline without handshakes."""
        return not (self.streams or self.rams or self.state)

    @property
    def latency(self) -> int:
        """Cycles from the start of a step to its last output, if nothing waits."""
        return self.pipeline_stages - 1 + OUTPUT_LATENCY

    def to_json(self) -> str:
        """JSON text, the same for equal manifests."""
        return json.dumps({"format": MANIFEST_FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n"


def manifest_from_json(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        InterfaceError: it is none; names the bad entry.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InterfaceError(f"the manifest is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InterfaceError("the manifest is no JSON object")
    version = document.pop("format", None)
    if version != MANIFEST_FORMAT:
        raise InterfaceError(f"the manifest has format {version!r}: {MANIFEST_FORMAT} is known")
    lists: dict[str, type[Any]] = {
        "ports": Port,
        "streams": Stream,
        "rams": Ram,
        "state": Register,
    }
    for name, kind in lists.items():
        entries = document.get(name, [])
        if not isinstance(entries, list):
            raise InterfaceError(f"{name} is no list")
        document[name] = tuple(
            _record(kind, entry, f"{name}[{i}]") for i, entry in enumerate(entries)
        )
    manifest: Manifest = _record(Manifest, document, "the manifest", skip=tuple(lists))
    return manifest


def _record(kind: type[Any], entry: object, place: str, skip: tuple[str, ...] = ()) -> Any:
    if not isinstance(entry, Mapping):
        raise InterfaceError(f"{place} is no JSON object")
    hints = get_type_hints(kind)
    unknown = sorted(set(entry) - set(hints))
    if unknown:
        raise InterfaceError(f"{place} has an unknown entry {unknown[0]!r}")
    values = dict(entry)
    for field in dataclasses.fields(kind):
        if field.name not in values:
            if field.default is dataclasses.MISSING:
                raise InterfaceError(f"{place} has no entry {field.name!r}")
            continue
        if field.name not in skip:
            values[field.name] = _checked(values[field.name], hints[field.name], field.name, place)
    return kind(**values)


def _checked(value: object, hint: type[Any], name: str, place: str) -> object:
    if hint is Direction:
        choices = [item.value for item in Direction]
        if value not in choices:
            raise InterfaceError(f"{place}: {name} is {value!r}: give one of {choices}")
        return Direction(value)
    if type(value) is not hint:
        raise InterfaceError(f"{place}: {name} is {value!r}: give a {hint.__name__}")
    if isinstance(value, int) and name != "initial" and value < 1:
        raise InterfaceError(f"{place}: {name} is {value}: give a number of at least 1")
    return value


def ram_latency(settle_steps: int, pipeline_stages: int) -> int:
    """Pipeline stages from the request of a RAM to its response.

    Args:
        settle_steps: steps between a write and the first read of the same word.
    """
    return RAM_LATENCY + (min(settle_steps, pipeline_stages) >= _LONG_PIPELINE)


def manifest_of(step: Step, pipeline_stages: int) -> Manifest:
    """The manifest that the C++ says."""
    return Manifest(
        step.name,
        pipeline_stages,
        ports=(
            *(Port(item.name, item.width, Direction.INPUT) for item in step.inputs),
            *(Port(item.name, item.width, Direction.OUTPUT) for item in step.outputs),
        ),
        streams=(
            *(Stream(item.name, item.width, Direction.INPUT) for item in step.reads),
            *(Stream(item.name, item.width, Direction.OUTPUT) for item in step.writes),
        ),
        rams=tuple(
            Ram(
                item.name,
                item.width,
                item.words,
                ram_latency(item.settle_steps, pipeline_stages),
            )
            for item in step.rams
        ),
        state=tuple(Register(item.name, item.width, item.initial) for item in step.state),
    )


def check_agreement(given: Manifest, found: Manifest) -> None:
    """Check that a given manifest says about the ports what the C++ says.

    Raises:
        InterfaceError: names the first port that differs.
    """
    if given.top != found.top:
        raise InterfaceError(f"the manifest is for {given.top}, the C++ is {found.top}")
    for what in ("ports", "streams", "rams", "state"):
        said = {item.name: item for item in getattr(given, what)}
        is_there = {item.name: item for item in getattr(found, what)}
        if not said:
            continue
        for name in sorted(set(said) | set(is_there)):
            if said.get(name) != is_there.get(name):
                raise InterfaceError(
                    f"{given.top}: {what} {name}: the manifest says {_short(said.get(name))}, "
                    f"the C++ says {_short(is_there.get(name))}"
                )


def _short(item: Any) -> str:
    if item is None:
        return "that there is none"
    return ", ".join(
        f"{key} {getattr(value, 'value', value)}"
        for key, value in dataclasses.asdict(item).items()
        if key != "name"
    )
