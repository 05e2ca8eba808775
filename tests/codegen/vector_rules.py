# SPDX-License-Identifier: Apache-2.0
"""What every vector module has to keep: stimuli only, expected values from its golden module."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.vector_file import VectorFile
from testing.perturbed_golden import perturb_unit

#: What every vector module may take from the golden package, beside its own unit.
SHARED = {"headers", "packet_reader", "timing"}
#: Limits of random numbers are no arithmetic of a unit; rounding and saturation are.
FIXED_POINT = {"Int64Array", "symmetric_limit"}


def imports_of(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(str(node.module), alias.name) for alias in node.names]
    return found


def forbidden_imports(path: Path, golden: str) -> list[str]:
    """Imports with which a vector module could compute an expected value by itself.

    Args:
        golden: package of the golden modules.
    """
    wrong = []
    for module, name in imports_of(path):
        if module == golden:
            module, name = f"{golden}.{name}", ""
        if module == "tritforge.fixed_point" and name not in FIXED_POINT:
            wrong.append(f"{module}.{name}")
        if module.startswith(f"{golden}."):
            unit = module.removeprefix(f"{golden}.")
            if unit not in SHARED | {path.stem}:
                wrong.append(module)
    return wrong


class Recorded:
    """Entries of all cases: (case number, key) -> values; stimuli and expected values apart."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.stimuli: dict[tuple[int, str], list[int]] = {}
        self.expected: dict[tuple[int, str], list[int]] = {}
        self._case = -1
        for method, entries in (("add", self.stimuli), ("expect", self.expected)):
            patch.setattr(VectorFile, method, self._recorder(entries))
        patch.setattr(VectorFile, "case", self._next_case)

    def _next_case(self, *_: Any) -> None:
        self._case += 1

    def _recorder(self, entries: dict[tuple[int, str], list[int]]) -> Any:
        def record(_: VectorFile, **values: Any) -> None:
            for key, value in values.items():
                entries[self._case, key] = np.ravel(np.asarray(value)).tolist()

        return record


def check_expected_values(
    unit: str, package: str, module: ModuleType, make: Callable[[], str]
) -> tuple[Recorded, Recorded]:
    """With a wrong golden module, every expected value must be another one.

    Args:
        unit: whose golden module in `package` is made wrong.
        module: its vector module, of which `make` makes the vectors.

    Returns:
        Entries of the vectors with the right and with the wrong golden module.
    """
    results = []
    for is_wrong in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            results.append(Recorded(patch))
            if is_wrong:
                perturb_unit(patch, unit, module, package)
            make()
    right, wrong = results
    assert right.expected.keys() == wrong.expected.keys() and right.expected
    compared: dict[str, int] = defaultdict(int)
    for (case, key), values in right.expected.items():
        if values:
            assert values != wrong.expected[case, key], f"{key} of case {case} is not golden's"
            compared[key] += 1
    assert set(compared) == {key for _, key in right.expected}, "an entry is always empty"
    return right, wrong
