# SPDX-License-Identifier: Apache-2.0
"""Streams that live for one call, as between the functions of a dataflow region: plain values.

The n-th read gets the n-th word, so the order of the accesses decides, and nothing is left to be
done at run time. That needs every read to happen exactly when its write does.
"""

from __future__ import annotations

from codegen.openhls import rules
from codegen.openhls.graph import Node
from codegen.openhls.translate.memory import MemoryKind, PointerChoice
from codegen.openhls.translate.ports import PortCall
from codegen.openhls.translate.translation import LocalStream, Translation


def local_stream(
    translation: Translation, call: PortCall, choice: PointerChoice
) -> LocalStream | None:
    """The local stream that a call goes to, None if it is another one or a RAM.

    Args:
        choice: the places that the handle of the call may be.
    """
    if call.is_ram or len(choice) != 1:
        return None
    _, place = choice[0]
    if place.base.kind is not MemoryKind.LOCAL or place.terms:
        return None
    return translation.local_streams.setdefault((place.base.name, place.offset), LocalStream())


def write_local(translation: Translation, stream: LocalStream, value: Node) -> None:
    """Append a word, under the condition of the current block."""
    stream.words.append((translation.conditions[translation.block], value))


def read_local(translation: Translation, stream: LocalStream) -> Node:
    """Take the next word.

    Raises:
        StyleError: nothing was written yet, or under another condition.
    """
    if stream.taken == len(stream.words):
        raise translation.error(
            rules.STREAM_PARAMETER, "a local stream is read before a word is written to it"
        )
    condition, value = stream.words[stream.taken]
    if condition is not translation.conditions[translation.block]:
        raise translation.error(
            rules.STREAM_PARAMETER,
            "a local stream is read under another condition than its word was written under",
        )
    stream.taken += 1
    return value
