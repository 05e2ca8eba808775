# SPDX-License-Identifier: Apache-2.0
"""Connections that do not fit are named; a pair that fits is proven in test_proof.py."""

from __future__ import annotations

import pytest

from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from codegen.openhls.flow import build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.xls.connect import connect
from testing.openhls.proof_cases import EXAMPLES, LINK


def test_wrong_connections_are_named() -> None:
    manifests = [
        build_design(translate_file(EXAMPLES, top), Manifest(top, 1)).manifest
        for top in ("producer", "consumer", "accumulate")
    ]
    for link, says in (
        (Connection("producer", "in", "consumer", "in"), "producer has no output stream in"),
        (Connection("producer", "doubled", "consumer", "absent"), "no input stream absent"),
        (Connection("producer", "doubled", "accumulate", "values"), "32 bits.*17"),
        (Connection("producer", "doubled", "consumer", "in", depth=0), "at least 1"),
    ):
        with pytest.raises(InterfaceError, match=says):
            connect("pair", manifests, [link])
    with pytest.raises(InterfaceError, match="connected twice"):
        connect("pair", manifests, [LINK, LINK])
