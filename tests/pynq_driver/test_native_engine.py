# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

import pytest

import pynq_driver
from pynq_driver.native_engine import native_engine
from tests.engine.extension import _engine
from tritforge.errors import TritforgeError


def test_the_engine_of_this_installation() -> None:
    assert native_engine() is _engine


def test_without_it_the_way_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pynq_driver, "_engine")
    monkeypatch.setitem(sys.modules, "pynq_driver._engine", None)
    with pytest.raises(TritforgeError, match="C\\+\\+ compiler, or use --backend golden"):
        native_engine()
