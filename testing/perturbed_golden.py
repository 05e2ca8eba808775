# SPDX-License-Identifier: Apache-2.0
"""A golden module made wrong on purpose: whatever does not change then was not computed by it."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tritforge.language_model.golden import timing
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.signals import SaturationFlags

GOLDEN = "tritforge.language_model.golden"
#: Golden modules that every model may use lie on the ground floor.
GENERAL = {"ternary_code": "tritforge.ternary_code"}


def golden_module(unit: str, package: str = GOLDEN) -> ModuleType:
    """The golden module of a unit.

    Raises:
        ModuleNotFoundError: it has none of its name.
    """
    return importlib.import_module(GENERAL.get(unit, f"{package}.{unit}"))


class _NotIn(tuple[str, ...]):
    """Names turned round: it holds exactly those that the original does not hold."""

    def __contains__(self, name: object) -> bool:
        return not super().__contains__(name)


def perturbed(value: Any) -> Any:
    """A result with every number raised by one and every set of names turned round."""
    if isinstance(value, (bool, np.bool_)) or value is None:
        return value
    if isinstance(value, (int, np.integer)):
        return int(value) + 1
    if isinstance(value, np.ndarray):
        return value if value.dtype == bool else value + value.dtype.type(1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in dataclasses.fields(value)]
        return type(value)(**{name: perturbed(getattr(value, name)) for name in names})
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return _NotIn(value) if not hasattr(value, "_fields") else value
    if isinstance(value, tuple):
        items = [perturbed(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [perturbed(item) for item in value]
    return value


def _wrong(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        return perturbed(function(*arguments, **options))

    return wrapper


def perturb_unit(
    patch: pytest.MonkeyPatch, unit: str, user: ModuleType, package: str = GOLDEN
) -> None:
    """Make everything wrong that `user` takes from the golden module of `unit`, steps included.

    The bits of status words are turned round, too.
    """
    golden = golden_module(unit, package)
    homes = (golden.__name__, timing.__name__)
    # A user of the whole module finds everything there; else the module's own calls stay right.
    places = [user] + [golden] * (getattr(user, unit, None) is golden)
    for place in places:
        for name, value in list(vars(place).items()):
            if name.startswith("_") or getattr(value, "__module__", None) not in homes:
                continue
            if not inspect.isclass(value) and callable(value):
                patch.setattr(place, name, _wrong(value))
            elif place is user and inspect.isclass(value) and not issubclass(value, (tuple, Enum)):
                methods = inspect.getmembers(value, inspect.isfunction)
                wrong = {key: _wrong(item) for key, item in methods if not key.startswith("_")}
                patch.setattr(place, name, type(value.__name__, (value,), wrong))
    turned = {SaturationFlags: "bits", PacketReader: "length_bits"}
    for owner, method in turned.items():
        right = getattr(owner, method)
        patch.setattr(owner, method, _turned_round(right))


def _turned_round(bits: Callable[..., list[int]]) -> Callable[..., list[int]]:
    @functools.wraps(bits)
    def wrapper(*arguments: Any) -> list[int]:
        return [1 - bit for bit in bits(*arguments)]

    return wrapper
