# SPDX-License-Identifier: Apache-2.0
"""Register maps: what is refused, and the way to JSON and back."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from tests.proof.rtl.benches.register_map import MAP
from tritforge.errors import ConfigurationError
from tritforge.register_map import Access, Field, Register, RegisterMap

VALUE = Field("value", 0, 8, Access.READ_WRITE, "A value.")


def register(*fields: Field, name: str = "one", offset: int = 0) -> Register:
    return Register(name, offset, "A register.", fields)


def test_json_round_trip() -> None:
    assert RegisterMap.from_mapping(json.loads(json.dumps(MAP.to_mapping()))) == MAP


WRONG = [
    (lambda: register(VALUE, offset=2), "multiple of 4"),
    (lambda: register(VALUE, offset=4096), "out of range"),
    (lambda: register(), "has no fields"),
    (lambda: register(VALUE, Field("b", 7, 1, Access.READ_ONLY, "B.")), "starts at bit 7"),
    (lambda: register(VALUE, Field("value", 8, 1, Access.READ_ONLY, "B.")), "used twice"),
    (lambda: Field("wide", 30, 3, Access.READ_ONLY, "W."), "bits = 3 is out of range"),
    (lambda: Field("big", 0, 4, Access.READ_WRITE, "B.", 16), "reset = 16 is out of range"),
    (lambda: Field("set", 0, 4, Access.READ_ONLY, "B.", 1), "no meaning with access ro"),
    (lambda: Field("Bad name", 0, 1, Access.READ_ONLY, "B."), "use lower-case words"),
    (lambda: Field("text", 0, 1, Access.READ_ONLY, "a */ b"), "must not hold"),
    (lambda: Field("text", 0, 1, Access.READ_ONLY, "a\nb"), "one line of text"),
    (lambda: RegisterMap("m", (register(VALUE), register(VALUE, name="two"))), "does not follow"),
    (lambda: RegisterMap("m", (register(VALUE), register(VALUE, offset=4))), "used twice"),
    (lambda: RegisterMap("m", ()), "has no registers"),
    (
        lambda: RegisterMap("m", (register(Field("n", 0, 8, Access.COUNTER, "N.")),)),
        "exactly if the map has counters",
    ),
    (
        lambda: RegisterMap("m", (register(Field("n", 0, 8, Access.COUNTER, "N.")),), "one.n"),
        "not a one-bit pulse",
    ),
    (
        lambda: RegisterMap(
            "m",
            (
                Register("a", 0, "A.", (Field("b_c", 0, 1, Access.READ_ONLY, "X."),)),
                Register("a_b", 4, "B.", (Field("c", 0, 1, Access.READ_ONLY, "Y."),)),
            ),
        ),
        "a_b_c is used twice",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_maps_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        make()


def _change(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


HOSTILE = [
    (("format",), 2),
    (("name",), 5),
    (("name",), "a;b"),
    (("registers",), {}),
    (("registers", 0), None),
    (("registers", 0, "offset"), "0"),
    (("registers", 0, "offset"), True),
    (("registers", 0, "fields", 0, "access"), "rwx"),
    (("registers", 0, "fields", 0, "access"), ["rw"]),
    (("registers", 0, "fields", 0, "reset"), 1 << 40),
    (("registers", 0, "extra"), 1),
    (("counter_clear",), None),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=str)
def test_hostile_json_is_refused(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(ConfigurationError):
        RegisterMap.from_mapping(_change(MAP.to_mapping(), path, value))
    assert RegisterMap.from_mapping(MAP.to_mapping()) == MAP
