# SPDX-License-Identifier: Apache-2.0
"""Names of the wires of a translated module: clock, reset, handshakes, RAM channels."""

from __future__ import annotations

CLOCK, RESET = "clk", "rst"
#: A stream `s` is the wires s_tdata, s_tvalid and s_tready.
DATA_SUFFIX, VALID_SUFFIX, READY_SUFFIX = "_tdata", "_tvalid", "_tready"
#: The one output of a pure function: its outputs side by side.
FUNCTION_OUTPUT = "out"
#: A process inside its wrapper: the suffix of its module, and its instance.
CORE_SUFFIX = "_core"
CORE_INSTANCE = CORE_SUFFIX.lstrip("_")
#: The register behind an output of a process.
HELD_SUFFIX = "_held"
#: The instance of a RAM beside a process, and the streams between the two. XLS's own RAM rewrite is
#: not used: it loses responses when the pipeline stalls (a second request leaves while the first
#: response still waits).
RAM_SUFFIX = "_ram"
READ_REQUEST, READ_RESPONSE, WRITE_REQUEST = "_read_request", "_read_response", "_write_request"


def stream_wires(stream: str) -> tuple[str, str, str]:
    """Data, valid and ready of a stream."""
    return (stream + DATA_SUFFIX, stream + VALID_SUFFIX, stream + READY_SUFFIX)


def ram_wires(ram: str) -> tuple[str, ...]:
    """What a RAM brings into a module: its instance and the wires of its three streams."""
    channels = (ram + item for item in (READ_REQUEST, READ_RESPONSE, WRITE_REQUEST))
    return (ram + RAM_SUFFIX, *(wire for item in channels for wire in stream_wires(item)))


def output_wires(port: str) -> tuple[str, ...]:
    """An output of a process, its register and the stream that feeds it."""
    return (port, port + HELD_SUFFIX, *stream_wires(port))
